"""The store's files: readable by their owner alone, and free of what was erased."""

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SUFFIXES: Final = ("", "-wal", "-shm", ".lock")


def open_private(path: str | Path) -> int:
    """Open a file, which only its owner can read where it is made anew, whatever the umask says.

    One that is there already keeps its mode: somebody may have chosen it. SQLite gives `-wal` and `-shm` the
    mode of the store.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    os.fchmod(handle, _PRIVATE)
    return handle


def find_exposed(store: Path) -> Path | None:
    """Return the first of a store's files that somebody else than its owner may read or write."""
    for suffix in _SUFFIXES:
        path = Path(f"{store}{suffix}")
        if path.exists() and path.stat().st_mode & _OTHERS:
            return path
    return None


def clean(connection: sqlite3.Connection, *, compacts: bool) -> bool:
    """Empty the write-ahead log, in which erased rows still stand; return whether nobody was in the way.

    With `compacts` the file is written anew before that, which takes some seconds for a large one: only so
    nothing is left of what was erased, since SQLite leaves copies behind where it moved a row between pages.
    """
    if compacts:
        connection.execute("VACUUM")
    patience_ms = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    # A reader in the way is not waited for: everything else would wait too.
    connection.execute("PRAGMA busy_timeout=0")
    try:
        is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if compacts and not is_busy:
            connection.execute("PRAGMA user_version=0")
    finally:
        connection.execute(f"PRAGMA busy_timeout={patience_ms}")
    return not is_busy
