"""`notifier backup`: a copy of the store, also while an engine runs."""

import argparse
from pathlib import Path

from notifier.commands.entry import EXIT_OK, Commands, add_command, load, open_store


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    backup = add_command(
        commands,
        "backup",
        "copy the store to a file, also while an engine runs",
        "A store that is restored from it asks Slack before it posts. "
        "A PostgreSQL database is backed up by pg_dump instead.",
    )
    backup.add_argument("file", type=Path, metavar="FILE", help="where the copy is written")
    backup.add_argument("--force", action="store_true", help="replace a file that is there")
    backup.set_defaults(command=_back_up)


def _back_up(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    with open_store(load(options)) as store:
        count = store.back_up(options.file.absolute(), datetime.now(UTC), replaces=options.force)
    print(f"{options.file} holds a copy of the store ({count:,} bytes).")
    return EXIT_OK
