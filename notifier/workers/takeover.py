"""The jobs of workers that are gone are given to others."""

from collections.abc import Callable
from typing import Final

import structlog
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status

from notifier.workers.orders import PLACES
from notifier.workers.steady import name_cause

_log = structlog.get_logger("notifier.worker")

LOOK_SECONDS: Final = 2.0
"""Between two looks, of each worker."""
JUMP_SECONDS: Final = 1.0
"""A clock that has gained so much between two looks was set, or the answer was that slow."""

_READ_CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::double precision AS seconds"


class Takeover:
    """Looks for workers that have not been heard of for `stalled_seconds`.

    After a silence of the database's own nobody was heard of, and everybody lives: so nobody is taken for
    gone before the database has answered here, at every look, for `contact_seconds`. The same holds when its
    clock was set forward, by which it tells how long somebody was silent.
    """

    def __init__(
        self, app: App, monotonic: Callable[[], float], stalled_seconds: float, contact_seconds: float
    ) -> None:
        self._app = app
        self._monotonic = monotonic
        self._stalled_seconds = stalled_seconds
        self._contact_seconds = contact_seconds
        self._since: float | None = None
        self._ahead: float | None = None

    async def look(self) -> int:
        """Look once, and return how many jobs were given to others. Raises nothing of the database's."""
        try:
            asked_at = self._monotonic()
            jobs = list(
                await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_seconds)
            )
            there = await self._app.connector.execute_query_one_async(_READ_CLOCK)
        except ConnectorException as error:
            self._since = None
            _log.debug("nobody could be looked for", error=name_cause(error))
            return 0
        now = self._monotonic()
        ahead = float(there["seconds"]) - asked_at
        if self._since is None or self._ahead is None or ahead - self._ahead > JUMP_SECONDS:
            self._since = now
        self._ahead = ahead
        if now - self._since < self._contact_seconds:
            return 0
        taken = [job for job in jobs if await self._pass_on(job)]
        if taken:
            _log.warning("took over from a worker that is gone", jobs=len(taken))
        return len(taken)

    async def _pass_on(self, job: Job) -> bool:
        """Put another job in the place of one whose worker is gone; False where somebody else has done so.

        Not the same one: if its worker was only asleep, it will report the end of it.
        """
        if job.id is None:
            return False
        try:
            await self._app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            if job.task_name in PLACES:
                again = self._app.configure_task(
                    job.task_name, queue=job.queue, lock=job.lock, queueing_lock=job.queueing_lock
                )
                await again.defer_async(**job.task_kwargs)
        except AlreadyEnqueued:
            return True
        except ConnectorException as error:
            # What is due and has no job is found by the next round.
            _log.debug("a job could not be passed on", error=name_cause(error))
            return False
        return True
