"""Orders jobs for what has become due: the rows own their times, and no job waits for one."""

from collections.abc import Iterable
from typing import Final

import structlog
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from notifier.errors import StoreUnavailable
from notifier.service.ports import Books, Clock, Store
from notifier.workers.orders import Task, find_queue, name_lock
from notifier.workers.steady import name_cause

_log = structlog.get_logger("notifier.worker")

MOST_A_ROUND: Final = 500

_TAKEN: Final = """
SELECT DISTINCT lock FROM procrastinate_jobs
WHERE lock = ANY(%(locks)s::text[]) AND status IN ('todo', 'doing')
"""


class Rounds:
    """Looks at what is due; a round that is missed, or made twice, changes nothing but when."""

    def __init__(self, app: App, store: Store, clock: Clock) -> None:
        self._app = app
        self._store = store
        self._clock = clock

    async def make(self) -> int:
        """Order what is due and has no job yet; return how many jobs that are. Raises StoreError."""
        now = self._clock.now()

        def look(books: Books) -> dict[Task, list[str]]:
            return {
                Task.DRAIN: books.outbox.list_due(now),
                Task.POLL: books.shards.list_due(now),
                Task.TEND: books.errands.list_due(now),
            }

        due = await self._store.run(look)
        wanted = {name_lock(task, what): (task, what) for task, every in due.items() for what in every}
        try:
            taken = await self._find_taken(wanted)
            ordered = [one for lock, one in wanted.items() if lock not in taken][:MOST_A_ROUND]
            for task, what in ordered:
                await self._order(task, what)
        except ConnectorException as error:
            raise StoreUnavailable(f"the jobs cannot be ordered: {name_cause(error)}") from error
        return len(ordered)

    async def _find_taken(self, locks: Iterable[str]) -> set[str]:
        """Return which of some locks a job waits for, or holds."""
        listed = list(locks)
        if not listed:
            return set()
        rows = await self._app.connector.execute_query_all_async(_TAKEN, locks=listed)
        return {row["lock"] for row in rows}

    async def _order(self, task: Task, what: str) -> None:
        lock = name_lock(task, what)
        job = self._app.configure_task(task, queue=find_queue(task, what), lock=lock, queueing_lock=lock)
        try:
            await job.defer_async(what=what)
        except AlreadyEnqueued:
            _log.debug("ordered already", job=lock)
