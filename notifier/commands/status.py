"""`notifier status`: what the engine does, and what waits."""

import argparse

from notifier.commands.entry import EXIT_FAILURE, EXIT_OK, Commands, add_command, load, open_store


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    status = add_command(commands, "status", "show what the engine does, what waits, what is held and why")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.add_argument(
        "--health",
        action="store_true",
        help="say only whether an engine lives (on PostgreSQL: one of this host): exit 0 or 1",
    )
    status.set_defaults(command=_status)


def _status(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from notifier import screen
    from notifier.store.report import read_status

    settings = load(options)
    with open_store(settings) as store:
        report = store.read_now(read_status)
        now = datetime.now(UTC) + store.read_clock_offset()
    if options.health:
        # Of several workers only the one here: whoever asks would restart it, and no other.
        name = settings.workers.called if settings.store.is_shared else None
        sickness = screen.find_sickness(report, now, name)
        print(sickness or "alive")
        return EXIT_FAILURE if sickness else EXIT_OK
    print(screen.dump_status(report, now) if options.json else screen.draw_status(report, now))
    return EXIT_OK
