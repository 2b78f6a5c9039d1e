"""The SQLite file: opened, brought up to date, locked against a second engine, and used from one thread."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from notifier.errors import StoreError, StoreInUse, StoreUnavailable, StoreUnusable
from notifier.store.books import Books

HEAD: Final = "0002"
"""The newest migration; a test holds it against `migrations/versions`."""

_BUSY_TIMEOUT_SECONDS: Final = 5.0

_T = TypeVar("_T")


class Database:
    """The store of one engine, or of one command beside it.

    Every job runs in the store's own thread, inside one transaction, and raises StoreError and nothing else
    of the database's.
    """

    def __init__(self, url: str) -> None:
        self.path = _find_path(url)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._engine: Engine | None = None
        self._lock_file: int | None = None

    def open(self) -> None:
        """Open the file, making it where there is none, and bring it up to date.

        Raises StoreUnavailable or StoreUnusable with a sentence that names the file.
        """
        with self._explained():
            self._require_place()
            # Signature links are in it: SQLite gives its other files the mode of this one.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._engine = _connect(self.path, is_ours=True)
            self._bring_up_to_date(self._engine)

    def open_existing(self) -> None:
        """Open the file for a command beside the engine: it must be there, and of this version.

        Nothing is made, migrated or otherwise changed by it.
        """
        with self._explained():
            if not self.path.exists():
                raise StoreUnavailable(
                    f"there is no store at {self.path}: run `notifier run` first, or name the right store.url"
                )
            self._require_place()
            self._engine = _connect(self.path, is_ours=False)
            found = self.read_now(_read_revision)
        if found is None:
            raise StoreUnusable(
                f"the store {self.path} holds nothing of the notifier's: run `notifier run` first, "
                "or name the right store.url"
            )
        if found != HEAD:
            raise StoreUnusable(
                f"the store {self.path} is of another version (its revision is {found}, this is {HEAD}): "
                "start `notifier run` of this version first, or use the version that runs"
            )

    def lock(self) -> None:
        """Make sure that this is the only engine on the store. Raises StoreInUse.

        The lock belongs to the process and goes with it, however it ends.
        """
        with self._explained():
            self._require_place()
            # Resolved: one file is one store, whatever links lead to it.
            name = f"{self.path.resolve()}.lock"
        try:
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot make {name}: {error.strerror}; check who owns the folder"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode("ascii"))
        except BlockingIOError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise StoreInUse(
                f"another notifier (process {holder or 'unknown'}) runs on the store {self.path}: "
                "stop it first, or give this one a store.url of its own"
            ) from error
        except OSError as error:
            os.close(handle)
            raise StoreUnavailable(f"cannot lock {name}: {error.strerror}") from error
        self._lock_file = handle

    def examine(self) -> str:
        """Say of the store that an engine could use it; one that is not there yet is not made.

        Raises StoreError where it could not.
        """
        with self._explained():
            is_there = self.path.exists()
        if is_there:
            self.open_existing()
        with self._explained():
            self._require_place()
            for place in (self.path.parent, *((self.path,) if is_there else ())):
                if not os.access(place, os.W_OK):
                    raise StoreUnavailable(f"{place} cannot be written: check who owns it")
        return f"{self.path} {'can be read and written' if is_there else 'will be made by the first run'}"

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in the store's thread, and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, job)

    def run_now(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in the store's thread, and wait for it."""
        return self._thread.submit(self._transact, job).result()

    def read_now(self, job: Callable[[Connection], _T]) -> _T:
        """Run a job that only reads, in the store's thread, and wait for it."""
        return self._thread.submit(self._read, job).result()

    def _transact(self, job: Callable[[Books], _T]) -> _T:
        with self._explained(), self._require_engine().begin() as connection:
            return job(Books(connection))

    def _read(self, job: Callable[[Connection], _T]) -> _T:
        with self._explained(), self._require_engine().connect() as connection:
            return job(connection.execution_options(reads_only=True))

    def _require_place(self) -> None:
        if self.path.is_dir():
            raise StoreUnusable(f"the store {self.path} is a folder: name a file in store.url")
        if not self.path.parent.is_dir():
            raise StoreUnavailable(f"the folder of the store {self.path} does not exist: make it first")

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise StoreUnavailable("the store is closed")
        return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file after the job that runs, and let another engine have it."""
        self._thread.shutdown(wait=True)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _bring_up_to_date(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = _read_revision(connection.execution_options(reads_only=True))
        if found == HEAD:
            return
        from notifier.store.migrations import migrate  # noqa: PLC0415 - alembic takes long to import

        with engine.begin() as connection:
            found = _read_revision(connection)
            if found is not None and found not in migrate.list_revisions():
                raise StoreUnusable(
                    f"the store {self.path} was written by a newer version (its revision is {found}): "
                    "run that version, or restore a copy from before it"
                )
            migrate.upgrade(connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _explain(error, self.path) from error


def _find_path(url: str) -> Path:
    # Taken as it is written: make_url would decode %20 in it.
    return Path(url.removeprefix("sqlite:///")).absolute()


def _connect(path: Path, *, is_ours: bool) -> Engine:
    """Return the way to a file; only one that `is_ours` to change is set up as the product wants it."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if is_ours:
            cursor.execute("PRAGMA journal_mode=WAL")
        # A delivery is recorded before the next one starts: FULL keeps that true when the power goes.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=FAST")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that may write says so first: it never has to start again half-way.
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _explain(error: BaseException, path: Path) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    name = getattr(cause, "sqlite_errorname", "") or ""
    for start, (kind, sentence) in _SENTENCES.items():
        if name.startswith(start):
            return kind(f"the store {path} {sentence}")
    if isinstance(cause, OSError):
        return StoreUnavailable(f"the store {path} cannot be used: {cause.strerror}")
    return StoreUnavailable(f"the store {path} cannot be used: {name or type(cause).__name__}")


_SENTENCES: Final[dict[str, tuple[type[StoreError], str]]] = {
    "SQLITE_BUSY": (StoreUnavailable, "is locked by another program: close that program, or wait for it"),
    "SQLITE_LOCKED": (StoreUnavailable, "is locked by another program: close that program, or wait for it"),
    "SQLITE_READONLY": (StoreUnavailable, "cannot be written: check who owns the file and its folder"),
    "SQLITE_FULL": (StoreUnavailable, "cannot grow, the disk is full: free some space"),
    "SQLITE_IOERR": (StoreUnavailable, "cannot be read or written, the disk answers with an error"),
    "SQLITE_CANTOPEN": (
        StoreUnavailable,
        "cannot be opened: check that its folder exists and can be written",
    ),
    "SQLITE_CORRUPT": (StoreUnusable, "is damaged: restore a copy, or move it away and start anew"),
    "SQLITE_NOTADB": (StoreUnusable, "is no SQLite file: name the right store.url"),
    "SQLITE_AUTH": (StoreUnavailable, "may not be opened: check its permissions"),
    "SQLITE_PERM": (StoreUnavailable, "may not be opened: check its permissions"),
}
