"""The SQLite file: opened, brought up to date, locked against a second engine, and used from one thread."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError, StoreUnavailable, StoreUnusable
from notifier.store import copies
from notifier.store.books import Books
from notifier.store.driver import find_driver
from notifier.store.faults import explained
from notifier.store.guard import Guard
from notifier.store.jobs import Jobs
from notifier.store.links import LinkCount, count_links
from notifier.store.lock import EngineLock
from notifier.store.place import require_whole
from notifier.store.schema import HEAD, make_tables, read_revision
from notifier.store.upkeep import clean, find_exposed, open_private
from notifier.store.vault import Vault

_BUSY_TIMEOUT_SECONDS: Final = 5.0

_T = TypeVar("_T")


class Database:
    """The store of one engine, or of one command beside it.

    Every job runs in the store's own thread, inside one transaction, and raises StoreError and nothing else
    of the database's. `keys` encrypt signature links, see `Vault`: who reads no links needs none.
    """

    def __init__(self, url: str, keys: Sequence[str] = ()) -> None:
        self.path = _find_path(url)
        self._vault = Vault(keys)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._jobs = Jobs(self._thread, self._transact)
        self._engine: Engine | None = None
        self._guard: Guard | None = None
        self._lock: EngineLock | None = None

    def open(self, *, creates: bool = True) -> None:
        """Open the file, making it where there is none, and bring it up to date.

        Raises StoreUnavailable or StoreUnusable with a sentence that names the file. Without `creates` the
        file has appeared where another one was open: it must be there, whole, and a store.
        """
        with self._explained():
            self._require_place()
            if not creates:
                require_whole(self.path)
            copies.accept(self.path)
            if creates:
                os.close(open_private(self.path))
            self._guard = Guard(self.path, self._lock)
            if not creates:
                self._require_store(self._guard)
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
            copies.require_accepted(self.path)
            self._engine = _connect(self.path, is_ours=False)
            found = self.read_now(read_revision)
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
        """Make sure that this is the only engine on the store. Raises StoreInUse."""
        with self._explained():
            self._require_place()
            self._lock = EngineLock(self.path)

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

    def is_there(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def find_exposed(self) -> Path | None:
        """Return the first of the store's files that somebody else than its owner may read or write."""
        return find_exposed(self.path.resolve())

    def back_up(self, target: Path, taken_at: datetime, *, replaces: bool) -> int:
        """Write a marked copy, and return its size in bytes; see `backup`. Raises StoreError."""
        from notifier.store.backup import back_up  # noqa: PLC0415 - for one command alone

        return back_up(self.path, target, taken_at, replaces=replaces)

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in the store's thread, and return what it returns.

        Jobs that wait at the same time share a transaction, and may run twice; see `Jobs`.
        """
        return await self._jobs.run(job)

    def run_now(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in the store's thread, and wait for it."""
        return self._thread.submit(self._transact, job).result()

    def read_now(self, job: Callable[[Connection], _T]) -> _T:
        """Run a job that only reads, in the store's thread, and wait for it."""
        return self._thread.submit(self._read, job).result()

    async def clean(self, *, compacts: bool) -> bool:
        """Leave nothing in the files of what was erased, see `upkeep.clean`; return whether that worked."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._clean, compacts)

    def _clean(self, compacts: bool) -> bool:
        engine = self._require_engine()
        if self._guard is not None:
            self._guard.check_before(engine)
        with self._explained(), engine.connect() as connection:
            return clean(find_driver(connection), compacts=compacts)

    def count_links(self) -> LinkCount:
        """Count the links that are kept, and those of them that this store's keys cannot open."""
        return self.read_now(lambda connection: count_links(connection, self._vault))

    def read_clock_offset(self) -> timedelta:
        """Return how far the clock of whoever writes is ahead of this machine's: it is the same one."""
        return timedelta(0)

    def _transact(self, job: Callable[[Books], _T]) -> _T:
        engine = self._require_engine()
        if self._guard is not None:
            self._guard.check_before(engine)
        try:
            with self._explained(), engine.begin() as connection:
                done = job(Books(connection, self._vault))
                reach(Waypoint.COMMITTING)
        except StoreError as error:
            if self._guard is not None:
                self._guard.suspect(engine, error)
            raise
        reach(Waypoint.COMMITTED)
        if self._guard is not None:
            self._guard.check_after()
        return done

    def _read(self, job: Callable[[Connection], _T]) -> _T:
        with self._explained(), self._require_engine().connect() as connection:
            return job(connection.execution_options(reads_only=True))

    def _require_place(self) -> None:
        if self.path.is_dir():
            raise StoreUnusable(f"the store {self.path} is a folder: name a file in store.url")
        if self.path.exists() and not self.path.is_file():
            raise StoreUnusable(f"the store {self.path} is no regular file: name another in store.url")
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
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _require_store(self, guard: Guard) -> None:
        """Raise StoreUnusable, and change nothing, unless what has appeared at the path is a sound store."""
        looking = _connect(self.path, is_ours=False)
        try:
            guard.require_undamaged(looking)
            with looking.connect() as connection:
                found = read_revision(connection.execution_options(reads_only=True))
        finally:
            looking.dispose()
        if found is None:
            raise StoreUnusable(f"the store {self.path} was replaced by what is none: restore a backup")

    def _bring_up_to_date(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = read_revision(connection.execution_options(reads_only=True))
            tables = inspect(connection).get_table_names() if found is None else ()
        if found == HEAD:
            return
        if found is None and tables:
            raise StoreUnusable(
                f"the database {self.path} belongs to another program: name another file in store.url"
            )
        with engine.begin() as connection:
            found = read_revision(connection)
            if found is None:
                make_tables(connection)
                reach(Waypoint.MIGRATED)
                return
            from notifier.store.migrations import migrate  # noqa: PLC0415 - alembic takes long to import

            if found not in migrate.list_revisions():
                raise StoreUnusable(
                    f"the store {self.path} was written by a newer version (its revision is {found}): "
                    "run that version, or restore a copy from before it"
                )
            migrate.upgrade(connection)
            reach(Waypoint.MIGRATED)

    def _explained(self) -> AbstractContextManager[None]:
        return explained(f"the store {self.path}")


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
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that may write says so first: it never has to start again half-way.
        reads_only = connection.get_execution_options().get("reads_only", False)
        find_driver(connection).execute("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine
