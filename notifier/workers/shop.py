"""Procrastinate as a worker uses it: one application, a worker for each queue, one pool."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import psycopg
import psycopg_pool
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import DeleteJobCondition
from procrastinate.worker import Worker

from notifier.errors import StoreUnavailable
from notifier.workers.alone import FIND_OUT
from notifier.workers.lease import Hold, Lease
from notifier.workers.orders import PLACES, Queue, Task
from notifier.workers.steady import SteadyJobs, name_cause
from notifier.workers.tables import require_tables

_CONNECTIONS: Final = 6
"""For Procrastinate's own statements, each of a millisecond; each queue has one more, to listen."""
_POOL_SECONDS: Final = 5.0
_RECONNECT_SECONDS: Final = 1.0
"""The pool gives up soon, and tries anew when it is asked: by itself it would wait longer and longer."""
_LOOK_SECONDS: Final = 2.0
"""A job that nobody has heard of is found after so long."""
_NEVER_SECONDS: Final = 3600.0

ROUND: Final = "round"


@dataclass(frozen=True, slots=True)
class Places:
    """How many jobs of each kind a worker does at a time; of `passes` so many again over partners' lists."""

    lanes: int = 50
    passes: int = 4
    chores: int = 8


class Hand(Protocol):
    """As much as is used of one of Procrastinate's workers."""

    shutdown_graceful_timeout: float | None

    async def run(self) -> None:
        """Do jobs until it is told to stop, and what is being done then is done."""

    def stop(self) -> None:
        """Take no further job."""


class Shop:
    """The application and its tasks; `closing`, `is_well` and `doubt` are what `SteadyJobs` takes."""

    def __init__(
        self,
        parameters: Mapping[str, Any],
        closing: asyncio.Event,
        is_well: Callable[[], bool],
        doubt: Callable[[], None],
        lease: Lease,
    ) -> None:
        connector = PsycopgConnector()
        self._parameters = dict(parameters)
        # None of its connections is there before it is needed: a database that is down is not knocked at.
        self._pool = psycopg_pool.AsyncConnectionPool(
            kwargs=self._parameters,
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_POOL_SECONDS,
            reconnect_timeout=_RECONNECT_SECONDS,
            check=psycopg_pool.AsyncConnectionPool.check_connection,
            configure=_let_statements_stand_alone,
            open=False,
        )
        self.app = App(connector=connector)
        self._jobs = SteadyJobs(connector, closing, is_well, doubt, lease)
        self.app.job_manager = self._jobs

    @asynccontextmanager
    async def open(self, stalled_seconds: float) -> AsyncIterator[None]:
        """Connect, and bring Procrastinate's tables up to date. Raises StoreUnavailable.

        Whoever was not heard of for `stalled_seconds` counts as gone.
        """
        await self._pool.open()
        try:
            await self.app.connector.open_async(self._pool)
            try:
                await require_tables(self._parameters, stalled_seconds)
            except psycopg.Error as error:
                raise StoreUnavailable(f"the jobs cannot be reached: {_name(error)}") from error
            yield
        finally:
            await self._pool.close()

    def add_task(self, task: Task, do: Callable[[str, Hold], Awaitable[None]]) -> None:
        """Say what is done for a kind of job; with it comes for how long it is this worker's.

        A job that may be another's by now is left to that one: this process was asleep since it got it.
        """

        async def run(context: JobContext, what: str) -> None:
            hold = self._jobs.find_hold(context.job)
            if not hold.is_over:
                await do(what, hold)

        self.app.task(name=task, queue=PLACES[task], pass_context=True)(run)

    def add_rounds(self, make: Callable[[], Awaitable[None]], seconds: int) -> None:
        """Have a round made every so many seconds, by whichever worker gets it.

        It has no lock: a worker that dies in it must not keep the others from theirs.
        """

        async def run(timestamp: int) -> None:  # noqa: ARG001 - a periodic task is told when it was due
            await make()

        task = self.app.task(name=ROUND, queue=Queue.TEND, queueing_lock=ROUND)(run)
        self.app.periodic(cron=f"* * * * * */{seconds}")(task)

    def hire(self, places: Places, heartbeat_seconds: float) -> list[Hand]:
        """Return one of Procrastinate's workers for each queue, to be run."""
        at_once = {
            Queue.DELIVER: places.lanes,
            Queue.POLL: places.passes,
            Queue.WALK: places.passes,
            Queue.TEND: places.chores,
        }
        return [
            Worker(
                self.app,
                queues=[queue],
                name=queue,
                concurrency=concurrency,
                fetch_job_polling_interval=_LOOK_SECONDS,
                abort_job_polling_interval=_NEVER_SECONDS,
                update_heartbeat_interval=heartbeat_seconds,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
            )
            for queue, concurrency in at_once.items()
        ]

    async def is_free(self) -> bool:
        """Whether nobody wants to be alone on the database. Raises StoreUnavailable."""
        try:
            row = await self.app.connector.execute_query_one_async(FIND_OUT)
        except ConnectorException as error:
            raise StoreUnavailable(f"the jobs cannot be reached: {_name(error)}") from error
        return bool(row["is_free"])

    async def read_clock(self) -> tuple[datetime, float, float]:
        """Return the database's time, and when it was asked for and came, by the monotonic clock.

        Raises StoreUnavailable.
        """
        try:
            # The first question may have to wait for a connection.
            await self.app.connector.execute_query_async("SELECT 1")
            asked_at = time.monotonic()
            row = await self.app.connector.execute_query_one_async("SELECT clock_timestamp() AS there")
        except ConnectorException as error:
            raise StoreUnavailable(f"the database's clock cannot be read: {_name(error)}") from error
        return row["there"], asked_at, time.monotonic()


async def _let_statements_stand_alone(connection: "psycopg.AsyncConnection[Any]") -> None:
    """Let each statement be a transaction of its own, as all of Procrastinate's are.

    With the answer to one in an open transaction a worker that stands still would keep its job from those who
    take over, and them from looking further: PostgreSQL waits for whoever has a row.
    """
    await connection.set_autocommit(True)


def _name(error: Exception) -> str:
    return name_cause(error) if isinstance(error, ConnectorException) else type(error).__name__
