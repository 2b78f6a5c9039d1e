"""Where this process reads each shard: what it knows beside the marks stays from pass to pass."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from notifier.domain.shards import Part, Shard, name_base, name_division
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Store
from notifier.workers.fence import FencedStore

_log = structlog.get_logger("notifier.worker")

OTHER_SETTINGS: Final = (
    "a shard was planned from other settings than this worker's: all workers need the same; restart this one"
)


@dataclass(frozen=True, slots=True)
class Post:
    """Where this process reads one shard; `base_id` is that of the whole list where it is a part of one."""

    shard: Shard
    store: FencedStore
    memory: Memory
    poller: Poller
    base_id: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Posts:
    """The shards that the settings say, and the parts of them that the store has.

    `make_poller` makes a poller on a store with a memory.
    """

    def __init__(
        self, shards: Iterable[Shard], make_poller: Callable[[Store, Memory], Poller], store: Store
    ) -> None:
        self._make_poller = make_poller
        self._store = store
        self._planned = {shard.shard_id: self._make(shard) for shard in shards}
        self._parts: dict[str, Post] = {}

    async def find(self, shard_id: str) -> Post | None:
        """Return the post of a shard, None where this worker has nothing to read. Raises StoreError."""
        post = self._planned.get(shard_id) or self._parts.get(shard_id)
        if post is not None:
            return post
        base = self._planned.get(name_base(shard_id))
        if base is None:
            self.report_missing(shard_id)
            return None
        part = await self._store.run(lambda books: books.shards.find_part(shard_id))
        if part is None or part.digest != base.shard.digest:
            self.report_missing(shard_id, is_part=part is None)
            return None
        self._forget_others(part)
        return self._parts.setdefault(shard_id, self._make(part.narrow(base.shard), part.base_id))

    def report_missing(self, shard_id: str, *, is_part: bool = False) -> None:
        """Say that there is no such shard: a part may have gone since it was due, any other must be there."""
        if is_part:
            _log.debug("a part of a list is no more", shard=shard_id)
        else:
            _log.error(OTHER_SETTINGS, shard=shard_id)

    def _forget_others(self, part: Part) -> None:
        """Forget the parts of earlier divisions of the same list: there will be no job for them any more."""
        division = name_division(part.shard_id)
        for shard_id, post in tuple(self._parts.items()):
            if post.base_id == part.base_id and name_division(shard_id) != division:
                del self._parts[shard_id]

    def _make(self, shard: Shard, base_id: str = "") -> Post:
        fenced, memory = FencedStore(self._store, shard.shard_id), Memory()
        return Post(shard, fenced, memory, self._make_poller(fenced, memory), base_id)
