"""The jobs of polls: each is one pass over a shard, by the same poller as in the asyncio engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final

import structlog

from notifier.domain.pace import Pace
from notifier.domain.shards import CLOCK_MARGIN, Marks, Part, Shard, describe, name_base
from notifier.domain.watch import PartnerTarget, Target
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Books, Clock, Store
from notifier.service.verifier import Tally
from notifier.workers.division import Division, choose_whole_seconds, find_list, join_parts, keep_names
from notifier.workers.fence import Overtaken
from notifier.workers.marks import read_marks, write_marks
from notifier.workers.posts import Post, Posts

_log = structlog.get_logger("notifier.worker")

_TOGETHER: Final = 0.5
"""What is due within this part of the shorter interval is read along: marks are written once for all."""


class Passes:
    """Reads what is due of a shard, and leaves to the next pass what it has seen.

    `make_poller` makes a poller on a store with a memory. `leaving` is set when the worker ends: then what
    was read is kept, and the rest is left to others.
    """

    def __init__(
        self,
        shards: Iterable[Shard],
        make_poller: Callable[[Store, Memory], Poller],
        store: Store,
        clock: Clock,
        pace: Pace,
        leaving: asyncio.Event,
        *,
        name: str,
        jitter: Callable[[], float],
    ) -> None:
        self._posts = Posts(shards, make_poller, store)
        self._store = store
        self._clock = clock
        self._pace = pace
        self._leaving = leaving
        self._name = name
        self._jitter = jitter
        self._at_once = asyncio.Semaphore(pace.concurrency)
        self._tally: Counter[str] = Counter()

    async def run(self, shard_id: str) -> None:
        """Make one pass over a shard. Raises StoreError; then the next pass begins where this one did."""
        post = await self._posts.find(shard_id)
        if post is None:
            return
        # A job that was taken over from this very process, while it was asleep, may meet the one before it.
        async with post.lock:
            try:
                await self._pass(post)
            except Overtaken as error:
                _log.warning("another worker was faster", shard=shard_id, error=str(error))
            finally:
                post.memory.clear()
                self._tally.update(asdict(post.poller.take_tally()))

    def take_tally(self) -> Tally:
        """Give what the polls came to, and begin to count anew."""
        taken, self._tally = self._tally, Counter()
        return Tally(**taken)

    async def _pass(self, post: Post) -> None:
        shard = post.shard
        now = self._clock.now()
        begun = await self._store.run(lambda books: _begin(books, shard, now))
        if begun is None:
            self._posts.report_missing(shard.shard_id, is_part=bool(post.base_id))
            return
        marks, parts = begun
        post.store.version = marks.version
        saved = read_marks(marks.data)
        post.memory.restore(shard.targets, saved.memory)
        join_parts(shard, parts, post.memory)
        await post.poller.resume(shard.targets)
        # Where the clock was set back since, the times lie too far ahead: then all is due.
        is_set_back = saved.left_at > (self._clock.now() + CLOCK_MARGIN).timestamp()
        due = await self._poll(post, {} if is_set_back else saved.due)
        await self._leave(post, marks, due)

    async def _poll(self, post: Post, due: Mapping[str, float]) -> dict[str, float]:
        """Read what is due, and return when each target is due again."""
        targets = post.shard.targets
        soon = self._clock.now().timestamp() + _TOGETHER * self._pace.interval_seconds
        later = {name: due.get(name, 0.0) for name in map(describe, targets)}
        waiting = iter([target for target in targets if later[describe(target)] <= soon])

        async def work() -> None:
            for target in waiting:
                name = describe(target)
                async with self._at_once:
                    if self._leaving.is_set():
                        return
                    later[name] = await self._read(post.poller, target, is_first=name not in due)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._pace.concurrency, len(targets))):
                tasks.create_task(work())
        return later

    async def _read(self, poller: Poller, target: Target, *, is_first: bool) -> float:
        """Read a target, unless its source wants to be left alone; return when it is due again."""
        chance, now = self._jitter(), self._clock.now().timestamp()
        held_seconds = poller.find_hold_seconds(target)
        if held_seconds:
            return now + self._pace.spread_hold_seconds(held_seconds, chance)
        seconds = self._pace.choose_wait_seconds(
            is_pending=await poller.poll(target),
            is_first=is_first,
            stretch=poller.find_stretch(target),
            chance=chance,
            is_walk=isinstance(target, PartnerTarget),
        )
        return self._clock.now().timestamp() + max(seconds, poller.find_hold_seconds(target))

    async def _leave(self, post: Post, marks: Marks, due: Mapping[str, float]) -> None:
        """Write the marks, also of the parts of a list that was walked, unless another pass has begun."""
        now = self._clock.now()
        next_at = min(due.values())
        if not self._leaving.is_set():
            next_at = max(next_at, now.timestamp() + (1 - _TOGETHER) * self._pace.interval_seconds)
        parts = Division(post.shard, marks.version, self._pace, now, self._jitter).split(post.memory)
        if parts:
            # When the whole list is due its row alone says: a part may ask for it at any time.
            due = dict.fromkeys(due, 0.0)
            next_at = now.timestamp() + choose_whole_seconds(self._jitter())
            _log.info("a list is read in parts", shard=marks.shard_id, parts=len(parts))
        data = write_marks(due, post.memory.export(post.shard.targets), now)
        left = replace(marks, next_at=datetime.fromtimestamp(next_at, UTC), data=data)
        is_doubtful = _is_doubtful(post, marks)

        def job(books: Books) -> bool:
            if not books.shards.save(left, now, self._name):
                return False
            if parts:
                books.shards.divide(post.shard, parts)
            if is_doubtful:
                books.shards.hasten(post.base_id, now)
            return True

        if not await self._store.run(job):
            raise Overtaken(f"another worker reads shard {marks.shard_id} by now")


def _is_doubtful(post: Post, marks: Marks) -> bool:
    """Whether a part of a list needs a walk through all of it; without marks it cannot know who was there."""
    if not post.base_id:
        return False
    if not marks.data:
        _log.info("the whole list is walked again", shard=marks.shard_id, reason="it has no marks")
        return True
    return any(post.memory.find_doubt(one) for one in post.shard.targets if isinstance(one, PartnerTarget))


def _begin(books: Books, shard: Shard, now: datetime) -> tuple[Marks, list[Part]] | None:
    """Take a shard with the parts that it was divided into, None where there is no such shard any more."""
    marks = books.shards.take(shard.shard_id, shard.digest)
    if marks is None:
        return None
    if name_base(shard.shard_id) and marks.data:
        books.shards.keep(replace(marks, data=keep_names(shard, marks.data, now)))
    return marks, books.shards.gather(shard) if find_list(shard) else []
