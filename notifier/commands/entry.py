"""What every command begins with, the settings and the store, and what it ends with, an exit code."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from notifier.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from notifier.settings import Settings
    from notifier.store.opening import AnyStore

EXIT_OK: Final = 0
EXIT_FAILURE: Final = 1
EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - its only name


def add_command(commands: Commands, name: str, does: str, more: str = "") -> argparse.ArgumentParser:
    """Add a command, or an action of one, that `does` something: in a list of its like, and in its own help.

    `more` is said in its own help alone.
    """
    described = f"{does[0].upper()}{does[1:]}. {more}".rstrip()
    return commands.add_parser(name, help=does, description=described)


def load(options: argparse.Namespace) -> "Settings":
    """Read the settings. Raises ConfigError."""
    from notifier.settings import load_settings

    try:
        folder = Path.cwd()
    except OSError as error:
        raise ConfigError(
            "the working directory: does not exist any more; change to one that does."
        ) from error
    return load_settings(config_path=options.config, environ=os.environ, cwd=folder)


def open_store(settings: "Settings") -> "AnyStore":
    """Open the store beside an engine that may run on it. Raises StoreError."""
    from notifier.store.opening import make_store

    store = make_store(settings.store.url.get_secret_value())
    try:
        store.open_existing()
    except StoreError:
        store.close()
        raise
    return store
