"""A copy of the store beside a running engine, by SQLite's own online backup."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from notifier.errors import StoreUnavailable
from notifier.store import copies
from notifier.store.faults import damaged, explained

_BUSY_TIMEOUT_SECONDS: Final = 5.0
_SIDES: Final = ("", "-wal", "-shm", "-journal", ".lock")


def back_up(store: Path, target: Path, taken_at: datetime, *, replaces: bool) -> int:
    """Write a marked copy of a store to `target`, readable by its owner alone; return its size in bytes.

    It comes into being under another name in the same folder, is read through, and only then takes its place:
    there is never a part of a copy under its name. One that is there stays, unless the copy `replaces` it.
    Raises StoreUnavailable or StoreUnusable.
    """
    what = f"the backup {target}"
    with explained(what):
        _require_fit(store, target, replaces=replaces)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(handle)
        part = Path(name)
        try:
            _copy(store, part, taken_at)
            _flush(part)
            _require_fit(store, target, replaces=replaces)
            part.replace(target)
            _flush(target.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
                Path(f"{part}-journal").unlink(missing_ok=True)
            raise
        return target.stat().st_size


def _require_fit(store: Path, target: Path, *, replaces: bool) -> None:
    if not target.parent.is_dir():
        raise StoreUnavailable(f"the folder {target.parent} does not exist: make it first")
    if any(_is_same(target, Path(f"{path}{side}")) for side in _SIDES for path in (store, store.resolve())):
        raise StoreUnavailable(f"{target} belongs to the store itself: name another file")
    if target.is_dir():
        raise StoreUnavailable(f"{target} is a folder: name a file in it")
    if target.exists() and not replaces:
        raise StoreUnavailable(f"{target} exists: name another file, or add --force to replace it")
    if target.exists() and not target.is_file():
        raise StoreUnavailable(f"{target} is no plain file: name another one")


def _is_same(one: Path, other: Path) -> bool:
    if one.parent.resolve() / one.name == other.parent.resolve() / other.name:
        return True
    return one.exists() and other.exists() and one.samefile(other)


def _copy(store: Path, part: Path, taken_at: datetime) -> None:
    with closing(_connect(store)) as source, closing(_connect(part)) as copy:
        # All in one step: the engine's writes do not disturb one that reads, and would start steps over.
        source.backup(copy, pages=-1)
        # Without a log of its own, the copy is one file; see `copies`.
        copy.execute("PRAGMA journal_mode=DELETE")
        copies.mark(copy, taken_at)
        if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise damaged(f"the store {store}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
