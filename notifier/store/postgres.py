"""The store in PostgreSQL: many engines and commands at once, each job in a serializable transaction."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn, Self, TypeAlias, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, text

from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreUnavailable, StoreUnusable
from notifier.store import budgets
from notifier.store.address import read_address
from notifier.store.books import Books
from notifier.store.jobs import Jobs
from notifier.store.links import LinkCount, count_links
from notifier.store.postgres_engine import connect, find_driver, take_turn
from notifier.store.postgres_schema import bring_up_to_date, require_fit
from notifier.store.schema import read_revision
from notifier.store.server_faults import explained, is_conflict, is_lost, unclear
from notifier.store.vault import Vault

THREADS: Final = 4
"""So many transactions of one process are open at once, each on a connection of its own."""
MOST_TRIES: Final = 6
"""So often a transaction that could not be serialized is done, before that counts as a trouble."""
TRIES_AMONG_OTHERS: Final = 3
"""After so many of them the others wait for it: a long one would lose against many short ones for ever."""

_FIRST_PAUSE_SECONDS: Final = 0.002
_LONGEST_PAUSE_SECONDS: Final = 0.25

Announce: TypeAlias = Callable[[psycopg.Connection, frozenset[str]], None]

_T = TypeVar("_T")


class PostgresStore:
    """The store of one engine among several, or of one command beside them.

    Every job runs in one of the store's threads, inside one serializable transaction, and raises StoreError
    and nothing else of the database's. One that could not be serialized is done again from the beginning.
    `keys` encrypt signature links, see `Vault`.

    `announce` is called inside a transaction, just before its commit, with the driver's connection and the
    destinations for which something was put into the outbox or made due: what it does there is kept, or done
    again, with the rest.
    """

    def __init__(self, url: str, keys: Sequence[str] = (), announce: Announce | None = None) -> None:
        self._address = read_address(url)
        self._vault = Vault(keys)
        self._announce = announce
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="store")
        self._jobs = Jobs(self._threads, self._transact)
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        return f"PostgresStore({self.name!r})"

    @property
    def name(self) -> str:
        """Which database this is, in words that hold no secret."""
        return self._address.name

    def open(self, *, creates: bool = True) -> None:
        """Connect, making the tables where there are none, and bring them up to date.

        Raises StoreUnavailable or StoreUnusable with a sentence that names the database. Without `creates`
        the tables must be there.
        """
        with self._explained():
            bring_up_to_date(self._connect(), self.name, creates=creates)

    def open_existing(self) -> None:
        """Connect for a command beside the engines: the tables must be there, and of this version.

        Nothing is made, migrated or otherwise changed by it.
        """
        with self._explained():
            self._connect()
            found = self.read_now(read_revision)
            if found is None:
                raise StoreUnusable(
                    f"{self.name} holds nothing of the notifier's: run `notifier run` first, "
                    "or name the right store.url"
                )
            self.read_now(lambda connection: require_fit(connection, found, self.name))

    def lock(self) -> None:
        """Do nothing: any number of engines may run on one database."""

    def examine(self) -> str:
        """Say of the store that an engine could use it; what is not there yet is not made.

        Raises StoreError where it could not.
        """
        with self._explained():
            self._connect()
            has_tables = self.read_now(self._examine)
        return (
            f"{self.name} {'can be read and written' if has_tables else 'gets its tables by the first run'}"
        )

    def is_there(self) -> bool:
        """Whether the tables are there."""
        return self.read_now(read_revision) is not None

    def find_exposed(self) -> None:
        """Return None: who may read a database is PostgreSQL's to say."""

    def back_up(self, _target: Path, _taken_at: datetime, *, replaces: bool) -> NoReturn:  # noqa: ARG002 - a file has it
        """Say what makes a copy. Raises StoreUnusable."""
        raise StoreUnusable(
            f"{self.name} is backed up by PostgreSQL's own means: use pg_dump (docs/operations.md)"
        )

    def _examine(self, connection: Connection) -> bool:
        found = read_revision(connection)
        if found is not None:
            require_fit(connection, found, self.name)
        query = "SELECT current_setting('default_transaction_read_only') = 'on' OR pg_is_in_recovery()"
        if connection.execute(text(query)).scalar():
            raise psycopg.errors.ReadOnlySqlTransaction
        may_create = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
        if found is None and not connection.execute(text(may_create)).scalar():
            raise psycopg.errors.InsufficientPrivilege
        return found is not None

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in a thread of the store, and return what it returns.

        Jobs that wait at the same time may share a transaction, and each may run several times; see `Jobs`.
        """
        return await self._jobs.run(job)

    def run_now(self, job: Callable[[Books], _T]) -> _T:
        """Run a job in one transaction, in a thread of the store, and wait for it."""
        return self._threads.submit(self._transact, job).result()

    def read_now(self, job: Callable[[Connection], _T]) -> _T:
        """Run a job that only reads, in a thread of the store, and wait for it."""
        return self._threads.submit(self._read, job).result()

    async def reserve(self, source: str, cost_seconds: float) -> float:
        """Reserve some time of a source's requests; see `budgets`. Raises StoreError."""
        return await self._run_single(lambda connection: budgets.reserve(connection, source, cost_seconds))

    async def hold(self, source: str, seconds: float) -> None:
        """Let nothing of a source be reserved for so long. Raises StoreError."""
        await self._run_single(lambda connection: budgets.hold(connection, source, seconds))

    async def _run_single(self, statement: Callable[[Connection], _T]) -> _T:
        """Run one statement that needs no other: workers change the same row, and wait for each other."""

        def work() -> _T:
            with self._explained(), self._require_engine().connect() as connection:
                return statement(connection.execution_options(isolation_level="AUTOCOMMIT"))

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def clean(self, *, compacts: bool) -> bool:  # noqa: ARG002 - for a file it means something
        """Return that nobody was in the way: PostgreSQL's autovacuum takes away what was erased."""
        return True

    def count_links(self) -> LinkCount:
        """Count the links that are kept, and those of them that this store's keys cannot open."""
        return self.read_now(lambda connection: count_links(connection, self._vault))

    def read_clock_offset(self) -> timedelta:
        """Return how far the database's clock is ahead of this machine's, half the way there taken off."""

        def ask(connection: Connection) -> timedelta:
            asked_at, began = datetime.now(UTC), time.monotonic()
            there: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return there - asked_at - timedelta(seconds=(time.monotonic() - began) / 2)

        # The first question pays for the connection and the beginning of the transaction.
        return self.read_now(lambda connection: (ask(connection), ask(connection))[1])

    def _transact(self, job: Callable[[Books], _T]) -> _T:
        pause, has_lost = _FIRST_PAUSE_SECONDS, False
        for tried in range(MOST_TRIES):
            try:
                return self._try(job, is_alone=tried >= TRIES_AMONG_OTHERS)
            except Exception as error:  # noqa: BLE001 - what the libraries make of it; it is raised below
                # One that was left alone for long may be cut: that is no trouble where the next one works.
                is_stale = is_lost(error) and not has_lost and not isinstance(error, StoreUnavailable)
                if not (is_stale or is_conflict(error)) or tried == MOST_TRIES - 1:
                    self._raise(error)
                has_lost = has_lost or is_stale
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _try(self, job: Callable[[Books], _T], *, is_alone: bool) -> _T:
        with self._require_engine().connect() as connection:
            take_turn(connection, is_alone=is_alone)
            books = Books(connection, self._vault)
            done = job(books)
            due = frozenset(books.outbox.due)
            if due and self._announce is not None:
                self._announce(find_driver(connection), due)
            reach(Waypoint.COMMITTING)
            try:
                connection.commit()
            except Exception as error:
                if is_lost(error):
                    raise unclear(self.name) from error
                raise
        reach(Waypoint.COMMITTED)
        return done

    def _read(self, job: Callable[[Connection], _T]) -> _T:
        def read() -> _T:
            with self._require_engine().connect() as connection:
                options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                return job(connection.execution_options(**options))

        try:
            return read()
        except Exception as error:  # noqa: BLE001 - as above
            if not is_lost(error) or isinstance(error, StoreUnavailable):
                self._raise(error)
        with self._explained():
            return read()

    def _raise(self, error: Exception) -> NoReturn:
        with self._explained():
            raise error

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.name)

    def _connect(self) -> Engine:
        if self._engine is None:
            self._engine = connect(self._address, THREADS)
        return self._engine

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise StoreUnavailable("the store is closed")
        return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections after the jobs that run."""
        self._threads.shutdown(wait=True)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
