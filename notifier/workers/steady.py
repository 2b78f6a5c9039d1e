"""Procrastinate's jobs, asked for so that a worker outlives its database.

Procrastinate's worker ends when the database does not answer. Here it waits: nothing that fails by itself,
and mends by itself, ends a worker, and what was done is reported once the database is back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from psycopg import errors

from notifier.workers.alone import FIND_OUT, HELD
from notifier.workers.lease import Hold, Lease

_log = structlog.get_logger("notifier.worker")

PAUSE_SECONDS: Final = 1.0
"""Between two attempts to tell a database something that it does not take."""

_HEARTBEAT: Final = """
INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE
VALUES (%(worker_id)s, now())
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""
"""Also brings a worker back that was taken for dead: its jobs are others' by now, but it can get new ones."""

_FORGET: Final = """
DELETE FROM procrastinate_workers AS worker WHERE last_heartbeat < now() - interval '1 day'
AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE worker_id = worker.id) RETURNING id
"""
"""Not those whose jobs were never taken over: these would lose their owner, and be given away at once."""

_NUDGE: Final = """
SELECT pg_notify('procrastinate_queue_v1#' || queue_name, '{"type": "job_inserted", "job_id": 0}')
FROM procrastinate_jobs WHERE status = 'todo' AND lock = %(lock)s LIMIT 1
"""
"""Tells the workers that a job which has waited for a lock can be done now: Procrastinate itself does not."""

_T = TypeVar("_T")


class SteadyJobs(JobManager):
    """What Procrastinate's worker knows the jobs by; `closing` is set when nothing is worth waiting for.

    `is_well` says whether the store works; `doubt` is called when there is reason to look.
    Signs of life that have arrived renew the `lease`.
    """

    def __init__(
        self,
        connector: BaseConnector,
        closing: asyncio.Event,
        is_well: Callable[[], bool],
        doubt: Callable[[], None],
        lease: Lease,
    ) -> None:
        super().__init__(connector)
        self._lease = lease
        self._holds: dict[int | None, Hold] = {}
        self._free_term: int | None = None
        self._is_held = False
        self._closing = closing
        self._is_well = is_well
        self._doubt = doubt

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take a job; None where there is none, and where nothing could come of it now."""
        if self._closing.is_set() or not self._is_well():
            return None
        # From before it is this worker's: who sleeps over the answer wakes up to a job of somebody else.
        hold = self._lease.take()
        try:
            if not await self._is_free():
                return None
            job = await super().fetch_job(queues, worker_id)
        except ConnectorException as error:
            _log.debug("no job could be fetched", error=name_cause(error))
            self._doubt()
            if isinstance(error.__cause__, errors.ForeignKeyViolation):
                await self.update_heartbeat(worker_id)
            return None
        if job is not None:
            self._holds[job.id] = hold
        return job

    def find_hold(self, job: Job) -> Hold:
        """Return for how long a job that was fetched is this worker's."""
        return self._holds[job.id]

    async def _is_free(self) -> bool:
        """Whether nobody has begun to be alone here, at the start or while this worker was not heard of."""
        term = self._lease.term
        if self._free_term == term:
            return True
        row = await self.connector.execute_query_one_async(FIND_OUT)
        if row["is_free"]:
            self._free_term, self._is_held = term, False
        elif not self._is_held:
            self._is_held = True
            _log.warning(HELD)
        return self._free_term == term

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Report the end of a job, as often as it takes; one that has passed to others is left to them."""
        self._holds.pop(job.id, None)
        while True:
            try:
                await super().finish_job(job, status, delete_job)
                if job.lock:
                    await self.connector.execute_query_async(_NUDGE, lock=job.lock)
            except ConnectorException as error:
                _log.debug("the end of a job could not be reported", error=name_cause(error))
                if isinstance(error.__cause__, errors.RaiseException) or self._closing.is_set():
                    return
                await self._wait()
            else:
                return

    async def register_worker(self) -> int:
        """Be known as a worker. Raises ConnectorException when the worker ends before it could be."""
        given_at = time.monotonic()
        worker_id = await self._insist(super().register_worker)
        self._lease.renew(worker_id, given_at)
        return worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Be known no more; where that cannot be said now, the others notice."""
        self._lease.forget(worker_id)
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException as error:
            _log.debug("a worker could not take its leave", error=name_cause(error))

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life; one that does not arrive is followed by the next."""
        given_at = time.monotonic()
        try:
            await self.connector.execute_query_async(_HEARTBEAT, worker_id=worker_id)
        except ConnectorException as error:
            _log.debug("a sign of life did not arrive", error=name_cause(error))
            self._doubt()
        else:
            self._lease.renew(worker_id, given_at)

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:  # noqa: ARG002
        """Forget who has been gone for a day; return whom.

        Who is silent for less is left to `Takeover`, which knows whether it was the database that was silent.
        """
        try:
            rows = await self.connector.execute_query_all_async(_FORGET)
        except ConnectorException as error:
            _log.debug("nobody could be forgotten", error=name_cause(error))
            return []
        return [row["id"] for row in rows]

    async def list_jobs_to_abort_async(self, queue: str | None = None) -> Iterable[int]:  # noqa: ARG002
        """Nobody asks for jobs to be aborted."""
        return ()

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        """Defer what is due by the clock; what is missed once comes with the next time."""
        try:
            return await super().defer_periodic_job(job, periodic_id, defer_timestamp)
        except ConnectorException as error:
            _log.debug("a round could not be ordered", error=name_cause(error))
            return None

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs until the worker ends; while that fails they are found by looking."""
        while not self._closing.is_set():
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                _log.debug("new jobs cannot be heard of", error=name_cause(error))
            await self._wait()

    async def _insist(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                return await ask()
            except ConnectorException:
                if self._closing.is_set():
                    raise
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(PAUSE_SECONDS):
                await self._closing.wait()
        except TimeoutError:
            return


def name_cause(error: ConnectorException) -> str:
    """Return what kind of error it was; its words may hold addresses."""
    return type(error.__cause__ or error).__name__
