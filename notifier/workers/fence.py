"""The store as one pass over a shard may use it: what a pass that was overtaken would write is refused."""

from collections.abc import Callable
from typing import TypeVar

from notifier.errors import StoreError
from notifier.service.ports import Books, Store

_T = TypeVar("_T")


class Overtaken(StoreError):
    """Another worker has begun a pass over the same shard: what this one has read is old news."""


class FencedStore:
    """Does a job only while the shard still belongs to the pass that got `version` of it.

    A worker that was asleep for long may hold answers that are older than what another has recorded since.
    Written now, they would turn back what has happened.
    """

    def __init__(self, store: Store, shard_id: str) -> None:
        self._store = store
        self._shard_id = shard_id
        self.version = 0

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job inside one transaction. Raises StoreError, Overtaken where it must not be run."""
        done: list[_T] = []
        version = self.version

        def guarded(books: Books) -> None:
            # It may run twice: what it came to the first time was not kept.
            done.clear()
            if books.shards.is_held(self._shard_id, version):
                done.append(job(books))

        await self._store.run(guarded)
        if not done:
            raise Overtaken(f"another worker reads shard {self._shard_id} by now")
        return done[0]
