"""The jobs: their names, their queues, and how one is deferred on a transaction that is open.

A job carries no message and no time. Losing one, or doing one twice, changes nothing but when.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from notifier.domain.shards import is_list


class Queue(StrEnum):
    """The queues: each has places of its own in every worker, so that none of them can starve another."""

    DELIVER = "deliver"
    POLL = "poll"
    WALK = "walk"
    """Partners' lists and their parts: a walk through one may take minutes."""
    TEND = "tend"


class Task(StrEnum):
    """What a job may be, with its only argument: a destination, a shard's id, a chore's name."""

    DRAIN = "drain"
    POLL = "poll"
    TEND = "tend"


PLACES: Final = {Task.DRAIN: Queue.DELIVER, Task.POLL: Queue.POLL, Task.TEND: Queue.TEND}


def find_queue(task: Task, what: str) -> Queue:
    """Return where such a job waits."""
    return Queue.WALK if task is Task.POLL and is_list(what) else PLACES[task]


def name_lock(task: Task, what: str) -> str:
    """Return the name under which such a job waits once, and runs once at a time."""
    return f"{task}:{what}"


class Orders:
    """Defers jobs on a connection of somebody else's, inside the transaction that is open there."""

    def __init__(self) -> None:
        # It only ever speaks on connections that it is given: there is nothing to open.
        self._app = App(connector=SyncPsycopgConnector())

    def announce(self, connection: Any, destinations: Iterable[str]) -> None:
        """Order that some destinations are drained; `connection` is psycopg's, with an open transaction."""
        for destination in sorted(destinations):
            self.place(connection, Task.DRAIN, destination)

    def place(self, connection: Any, task: Task, what: str) -> bool:
        """Order one job; False where one like it waits already.

        Inside a savepoint: that refusal must not end the transaction.
        """
        lock = name_lock(task, what)
        job = self._app.configure_task(
            task, queue=find_queue(task, what), lock=lock, queueing_lock=lock, connection=connection
        )
        try:
            with connection.transaction():
                job.defer(what=what)
        except AlreadyEnqueued:
            return False
        return True
