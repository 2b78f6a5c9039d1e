"""What tells a backup from the store it was taken of: a mark in the file's header, and the row `restored`.

The header's `application_id` says "nobody has started from this copy yet": until then a log (`-wal`) beside
it is that of a store which it replaces, and SQLite would write it into the copy. It is taken away when an
engine opens the copy. The row stays until all that the lost process may have posted was looked for; see
docs/adr/0005-restored-backups.md.
"""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.engine import default

from notifier.errors import StoreUnavailable
from notifier.store.place import identify, read_header
from notifier.store.tables import Instant

_COPY: Final = 0x646E6263
_APPLICATION_ID: Final = slice(68, 72)
_TIMEOUT_SECONDS: Final = 5.0


def mark(connection: sqlite3.Connection, taken_at: datetime) -> None:
    """Mark a copy that was taken at an instant; one of a store that is itself a copy stays as old as that."""
    at = Instant().process_bind_param(taken_at, default.DefaultDialect())
    connection.execute(
        "INSERT INTO restored (id, taken_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET "
        "taken_at = min(taken_at, excluded.taken_at), started_at = NULL, ends_at = NULL",
        (at,),
    )
    connection.execute(f"PRAGMA application_id={_COPY}")


def accept(path: Path) -> None:
    """Make a copy that nobody has started from fit to be a store; anything else stays as it is.

    No connection to the file may be open in this process.
    """
    if not _is_copy(read_header(path)):
        return
    for name in (f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)
    # A copy has no log of its own: this stands in the file itself before one can come into being.
    with closing(sqlite3.connect(path, timeout=_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA application_id=0")


def require_accepted(path: Path) -> None:
    """Raise StoreUnavailable where a command would write a lost store's log into a copy."""
    if identify(f"{path}-wal") is not None and _is_copy(read_header(path, keeps_open=True)):
        raise StoreUnavailable(
            f"the store {path} is a backup, and beside it is the log of the store it replaces ({path}-wal): "
            "start `notifier run` first, or remove that file"
        )


def _is_copy(header: bytes) -> bool:
    return int.from_bytes(header[_APPLICATION_ID], "big") == _COPY
