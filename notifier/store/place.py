"""The files at a store's path: whether they are still those that are open.

SQLite writes on into a file that was deleted or replaced, and everything of that is lost with the process. So
every transaction begins and ends with a look at what the path leads to.
"""

import os
import time
from pathlib import Path
from typing import Final, TypeAlias

from notifier.errors import StoreReplaced, StoreUnavailable, StoreUnusable

STILL_SECONDS: Final = 1.0
"""A file that appears where a store was open is left alone until nobody has written to it for so long."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_Identity: TypeAlias = tuple[int, int]


class Place:
    """The path of one store that is about to be opened, and which files are found there then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = f"{path}-wal"
        self._main = identify(self._path)
        self._main_log: _Identity | None = None

    def note_log(self) -> None:
        """Take the log (`-wal`) beside it for the one that is open, if it was not known yet."""
        if self._main_log is None:
            self._main_log = identify(self._log)

    def forget_log(self) -> None:
        """The log was closed: the next one is another."""
        self._main_log = None

    def require_same(self) -> None:
        """Raise StoreUnavailable when there is nothing at the path, StoreReplaced when it is another file."""
        found = identify(self._path)
        if found == self._main:
            return
        if found is None:
            raise StoreUnavailable(
                f"the store {self._path} was moved or deleted while the notifier runs: put it back or "
                "restore a backup there; to start anew, restart the notifier"
            )
        self._drop_log()
        raise StoreReplaced(f"the store {self._path} was replaced by another file while the notifier runs")

    def has_lost_log(self) -> bool:
        """Whether the open log was deleted or replaced: what only it holds would be lost with the process."""
        return self._main_log is not None and identify(self._log) != self._main_log

    def _drop_log(self) -> None:
        """Remove the log of the file that was replaced: SQLite would write it into the new one."""
        if self._main_log is not None and identify(self._log) == self._main_log:
            for name in (self._log, f"{self._path}-shm"):
                Path(name).unlink(missing_ok=True)


def identify(path: Path | str) -> _Identity | None:
    """Return what tells a file from every other one that there is, None when there is nothing at a path."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before and after every transaction: a Path costs as much again
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def read_header(path: Path, *, keeps_open: bool = False) -> bytes:
    """Return the head of a SQLite file, b"" for anything else.

    Closing any descriptor of a file ends all locks that this process has on it: unless nothing else in the
    process can have the file open, it `keeps_open` this one for good.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        head = os.read(handle, _HEADER_BYTES)
    finally:
        if not keeps_open:
            os.close(handle)
    return head if len(head) == _HEADER_BYTES and head.startswith(_MAGIC) else b""


def require_whole(path: Path) -> None:
    """Raise where a file that has just appeared is not a whole SQLite file yet, or never was one."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise StoreUnavailable(
            f"there is no store at {path} any more: put it back or restore a backup there; to start anew, "
            "restart the notifier"
        ) from None
    if abs(time.time() - found.st_mtime) < STILL_SECONDS:
        raise StoreUnavailable(f"the store {path} is being written by somebody else: wait for that to end")
    head = read_header(path)
    if not head:
        raise StoreUnusable(f"the store {path} was replaced by what is no SQLite file: restore a backup")
    page_bytes = int.from_bytes(head[16:18], "big")
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    if found.st_size < page_bytes * int.from_bytes(head[28:32], "big"):
        raise StoreUnusable(f"the store {path} was replaced by a part of one: restore a whole backup")
