"""What SQLite and the operating system say of a store, as errors of ours with a sentence for a person."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from notifier.errors import StoreError, StoreUnavailable, StoreUnusable


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever the database or the disk raises into a StoreError about `what` ("the store /…")."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explain(error, what) from error


def explain(error: BaseException, what: str) -> StoreError:
    """Return the error with a sentence: what, to which file, how to mend it, and SQLite's own name for it."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    name = getattr(cause, "sqlite_errorname", "") or ""
    for start, (kind, sentence) in _SENTENCES.items():
        if name.startswith(start):
            return kind(f"{what} {sentence} ({name})")
    if isinstance(cause, OSError):
        return StoreUnavailable(f"{what} cannot be used: {cause.strerror}")
    return StoreUnavailable(f"{what} cannot be used: {name or type(cause).__name__}")


def damaged(what: str) -> StoreUnusable:
    """Return the error for a file whose own check found it damaged."""
    return StoreUnusable(f"{what} {_DAMAGED}")


_DAMAGED: Final = "is damaged: stop the notifier and restore a backup, or move the file away and start anew"
_LOCKED: Final = "is locked by another program: close that program, or wait for it"

_SENTENCES: Final[dict[str, tuple[type[StoreError], str]]] = {
    "SQLITE_BUSY": (StoreUnavailable, _LOCKED),
    "SQLITE_LOCKED": (StoreUnavailable, _LOCKED),
    "SQLITE_READONLY": (StoreUnavailable, "cannot be written: check who owns the file and its folder"),
    "SQLITE_FULL": (StoreUnavailable, "cannot grow, the disk is full: free some space"),
    "SQLITE_IOERR": (
        StoreUnavailable,
        "cannot be read or written, the disk answers with an error: look at the disk and the system's log",
    ),
    "SQLITE_CANTOPEN": (
        StoreUnavailable,
        "cannot be opened: check that its folder exists and can be written",
    ),
    "SQLITE_CORRUPT": (StoreUnusable, _DAMAGED),
    "SQLITE_NOTADB": (StoreUnusable, "is no SQLite file: name the right store.url, or restore a backup"),
    "SQLITE_AUTH": (StoreUnavailable, "may not be opened: check its permissions"),
    "SQLITE_PERM": (StoreUnavailable, "may not be opened: check its permissions"),
}
