"""What PostgreSQL, or the way to it, says of a store, as errors of ours with a sentence for a person.

Known are its five-character codes (https://www.postgresql.org/docs/current/errcodes-appendix.html, read
2026-11-22). Nothing of its own texts is passed on: they may quote what was sent.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from notifier.errors import NotifierError, StoreError, StoreUnavailable, StoreUnclear, StoreUnusable

CONFLICTS: Final = frozenset({"40001", "40P01"})
"""The transaction could not be serialized, or was the victim of a deadlock: nothing of it was kept."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever the database raises, or who used its connection, into a StoreError about `what`."""
    try:
        yield
    except NotifierError:
        raise
    except Exception as error:
        if find_cause(error) is None and not isinstance(error, SQLAlchemyError | OSError):
            raise
        raise explain(error, what) from error


def find_cause(error: BaseException | None) -> psycopg.Error | None:
    """Return the database's own error in what a library made of it, None where there is none."""
    for _ in range(8):
        if error is None or isinstance(error, psycopg.Error):
            return error
        error = error.orig if isinstance(error, DBAPIError) and error.orig else error.__cause__
    return None


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction was undone for the sake of others, and may work when it is done again."""
    cause = find_cause(error)
    return cause is not None and cause.sqlstate in CONFLICTS


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, or was never made."""
    cause = find_cause(error)
    if cause is None:
        return False
    code = cause.sqlstate or ""
    if code:
        return code.startswith(("08", "57P"))
    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)


def explain(error: BaseException, what: str) -> StoreError:
    """Return the error with a sentence: what, in which database, how to mend it, and PostgreSQL's code."""
    if isinstance(error, StoreError):
        return error
    cause = find_cause(error)
    code = (cause.sqlstate or "") if cause is not None else ""
    if not code:
        sentence = _explain_connecting(str(cause)) if is_lost(error) else None
        return StoreUnavailable(f"{what} {sentence or f'cannot be used: {type(cause or error).__name__}'}")
    for start, (kind, words) in _SENTENCES.items():
        if code.startswith(start):
            return kind(f"{what} {words} ({code})")
    return StoreUnavailable(f"{what} cannot be used: {type(cause).__name__} ({code})")


def unclear(what: str) -> StoreUnclear:
    """Return the error for a commit that was never answered."""
    return StoreUnclear(f"{what} was lost while something was being committed: it may have been kept, or not")


def _explain_connecting(text: str) -> str:
    """Say why no connection was made: for that libpq has no codes, only words."""
    for pattern, sentence in _CONNECTING:
        if pattern.search(text):
            return sentence
    return _UNREACHABLE


_UNREACHABLE: Final = "cannot be reached: check that PostgreSQL runs, and that store.url leads to it"
_STARTING: Final = "is being started or stopped: wait for it"
_FULL: Final = "takes no more connections: raise max_connections, or let fewer programs connect"
_REFUSED: Final = "refuses the user or the password of store.url: check both, and pg_hba.conf"
_MISSING: Final = "does not exist: make it with `createdb`, or name the right store.url"
_READ_ONLY: Final = "can only be read: it is a standby, or was made read-only; connect to the primary"

_CONNECTING: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), sentence)
    for pattern, sentence in (
        (
            r"password authentication failed|no password supplied|pg_hba\.conf|role .* (?:does|is) not",
            _REFUSED,
        ),
        (r"database .* does not exist", _MISSING),
        (r"too many (?:clients|connections)|remaining connection slots", _FULL),
        (r"starting up|shutting down|in recovery mode|not (?:yet )?accepting connections", _STARTING),
        (r"read-only|not in hot standby|session is not", _READ_ONLY),
        (r"certificate|\bSSL\b", "cannot be reached safely: check sslmode and the certificates in store.url"),
    )
)

_SENTENCES: Final[dict[str, tuple[type[StoreError], str]]] = {
    "08": (StoreUnavailable, "was lost: check that PostgreSQL runs, and the network to it"),
    "25006": (StoreUnavailable, _READ_ONLY),
    "28": (StoreUnavailable, _REFUSED),
    "3D000": (StoreUnavailable, _MISSING),
    "40": (StoreUnavailable, "is written by too many at the same time"),
    "42501": (
        StoreUnavailable,
        "does not let its user do that: grant it the rights on the tables and the schema",
    ),
    "42P01": (StoreUnusable, "lacks a table: it was changed by somebody else; restore a backup"),
    "42703": (StoreUnusable, "lacks a column: it was changed by somebody else; restore a backup"),
    "53100": (StoreUnavailable, "cannot grow, the disk is full: free some space"),
    "53300": (StoreUnavailable, _FULL),
    "53": (StoreUnavailable, "has not enough memory or other resources: look at PostgreSQL's log"),
    "55P03": (StoreUnavailable, "is locked by another program: close that program, or wait for it"),
    "57014": (StoreUnavailable, "took too long to answer: look at what else PostgreSQL is doing"),
    "57P": (StoreUnavailable, _STARTING),
    "58": (
        StoreUnavailable,
        "cannot be read or written, its disk answers with an error: look at PostgreSQL's log",
    ),
    "XX001": (StoreUnusable, "is damaged: stop the notifier and restore a backup"),
    "XX002": (StoreUnusable, "is damaged: stop the notifier and rebuild its indexes"),
}
