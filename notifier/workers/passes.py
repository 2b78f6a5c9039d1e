"""The jobs of polls: each is one pass over a shard, by the same poller as in the asyncio engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import structlog

from notifier.domain.pace import Pace
from notifier.domain.shards import CLOCK_MARGIN, Marks, Part, Shard, describe, name_base
from notifier.domain.watch import PartnerTarget, Target
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Books, Clock, Store
from notifier.service.problem_book import STORE
from notifier.service.verifier import Tally
from notifier.workers.division import Division, choose_whole_seconds, find_list, join_parts, keep_names
from notifier.workers.fence import Overtaken
from notifier.workers.marks import Saved, read_marks, write_marks
from notifier.workers.posts import Post, Posts

_log = structlog.get_logger("notifier.worker")

_TOGETHER: Final = 0.5
"""What is due within this part of the shorter interval is read along: marks are written once for all."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A pass that has begun: the shard's marks, and the parts that it was divided into.

    `round_at` is since when everything has to be read once more, where a backup was restored.
    """

    marks: Marks
    parts: tuple[Part, ...]
    round_at: datetime | None


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
        post.store.version = begun.marks.version
        saved = read_marks(begun.marks.data)
        post.memory.restore(shard.targets, saved.memory)
        join_parts(shard, begun.parts, post.memory)
        await post.poller.resume(shard.targets)
        # Where the clock was set back since, the times lie too far ahead: then all is due.
        is_set_back = saved.left_at > (self._clock.now() + CLOCK_MARGIN).timestamp()
        times = await self._poll(post, Saved() if is_set_back else saved)
        await self._leave(post, begun, times)

    async def _poll(self, post: Post, left: Saved) -> Saved:
        """Read what is due by the times that the last pass `left`; return when each target is due again."""
        targets = {describe(target): target for target in post.shard.targets}
        soon = self._clock.now().timestamp() + _TOGETHER * self._pace.interval_seconds
        times = Saved(
            due={name: left.due.get(name, 0.0) for name in targets},
            rests={name: at for name, at in left.rests.items() if name in targets},
            read={name: at for name, at in left.read.items() if name in targets},
        )
        waiting = iter([name for name in targets if times.due[name] <= soon])

        async def work() -> None:
            for name in waiting:
                async with self._at_once:
                    if self._leaving.is_set():
                        return
                    await self._attend(post, targets[name], times, is_first=name not in left.due)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._pace.concurrency, len(targets))):
                tasks.create_task(work())
        return times

    async def _attend(self, post: Post, target: Target, times: Saved, *, is_first: bool) -> None:
        """Read a target, unless its source wants to be left alone, and say when it is due again."""
        name, now, chance = describe(target), self._clock.now().timestamp(), self._jitter()
        held_seconds = post.poller.find_hold_seconds(target)
        if held_seconds:
            times.due[name] = now + self._pace.spread_hold_seconds(held_seconds, chance)
            return
        if rest_seconds := self._find_rest_seconds(post.poller, target, times, now):
            times.due[name] = now + rest_seconds
            return
        walk_at = _find_walk_at(post.memory, target)
        seconds = self._pace.choose_wait_seconds(
            is_pending=await post.poller.poll(target),
            is_first=is_first,
            chance=chance,
            is_walk=isinstance(target, PartnerTarget),
        )
        seconds = max(seconds, post.poller.find_hold_seconds(target))
        times.due[name] = self._clock.now().timestamp() + seconds
        times.rests.pop(name, None)
        is_whole = not isinstance(target, PartnerTarget) or _find_walk_at(post.memory, target) != walk_at
        if is_whole and not {str(target), STORE} & post.poller.problems.keys():
            times.read[name] = now

    def _find_rest_seconds(self, poller: Poller, target: Target, times: Saved, now: float) -> float:
        """Return for how long a target is left alone although its interval is over, 0 where it is not.

        Asked again after each interval, by whichever worker: it lasts no longer than the strain does.
        """
        name, stretch = describe(target), poller.find_stretch(target)
        due_at = times.due[name]
        if stretch <= 1 or not due_at:
            return 0.0
        interval = self._pace.choose_wait_seconds(
            is_pending=poller.is_pending(target),
            is_first=False,
            chance=0.0,
            is_walk=isinstance(target, PartnerTarget),
        )
        read_at = times.rests.setdefault(name, min(now, due_at - interval))
        return max(0.0, min(read_at + interval * stretch - now, interval))

    async def _leave(self, post: Post, begun: _Begun, times: Saved) -> None:
        """Write the marks, also of the parts of a list that was walked, unless another pass has begun."""
        now, marks = self._clock.now(), begun.marks
        next_at = min(times.due.values())
        if not self._leaving.is_set():
            next_at = max(next_at, now.timestamp() + (1 - _TOGETHER) * self._pace.interval_seconds)
        parts: tuple[Part, ...] = ()
        if begun.round_at is None:
            times.read.clear()
            # A backup is looked through by walks through whole lists: only they show who has left.
            parts = Division(post.shard, marks.version, self._pace, now, self._jitter).split(post.memory)
        if parts:
            # When the whole list is due its row alone says: a part may ask for it at any time.
            times.due = dict.fromkeys(times.due, 0.0)
            next_at = now.timestamp() + choose_whole_seconds(self._jitter())
            _log.info("a list is read in parts", shard=marks.shard_id, parts=len(parts))
        data = write_marks(times, post.memory.export(post.shard.targets), now)
        left = replace(marks, next_at=datetime.fromtimestamp(next_at, UTC), data=data)
        is_doubtful = _is_doubtful(post, marks)
        read_at = _find_read_at(times, begun)

        def job(books: Books) -> _Left:
            if not books.shards.save(left, now, self._name):
                return _Left.NOTHING
            if parts:
                books.shards.divide(post.shard, parts)
            if is_doubtful:
                books.shards.hasten(post.base_id, now)
            is_over = read_at is not None and books.shards.note_read(marks.shard_id, read_at, now)
            return _Left.LAST if is_over else _Left.MARKS

        kept = await self._store.run(job)
        if kept is _Left.NOTHING:
            raise Overtaken(f"another worker reads shard {marks.shard_id} by now")
        if kept is _Left.LAST:
            _log.info("everything that may have been posted since the backup was looked for")


class _Left(Enum):
    """What of a pass was kept; with the last one a backup that was restored has been looked through."""

    NOTHING = 0
    MARKS = 1
    LAST = 2


def _find_walk_at(memory: Memory, target: Target) -> float:
    """Return when a partner's list is walked next, which every walk changes."""
    return memory.find_walked(target).walk_at if isinstance(target, PartnerTarget) else 0.0


def _find_read_at(times: Saved, begun: _Begun) -> datetime | None:
    """Return since when all of a shard was read, where that is asked for and has become true."""
    if begun.round_at is None:
        return None
    oldest = min(times.read.get(name, 0.0) for name in times.due)
    return datetime.fromtimestamp(oldest, UTC) if oldest > begun.round_at.timestamp() else None


def _is_doubtful(post: Post, marks: Marks) -> bool:
    """Whether a part of a list needs a walk through all of it; without marks it cannot know who was there."""
    if not post.base_id:
        return False
    if not marks.data:
        _log.info("the whole list is walked again", shard=marks.shard_id, reason="it has no marks")
        return True
    return any(post.memory.find_doubt(one) for one in post.shard.targets if isinstance(one, PartnerTarget))


def _begin(books: Books, shard: Shard, now: datetime) -> _Begun | None:
    """Take a shard with the parts that it was divided into, None where there is no such shard any more."""
    marks = books.shards.take(shard.shard_id, shard.digest)
    if marks is None:
        return None
    is_part = bool(name_base(shard.shard_id))
    if is_part and marks.data:
        books.shards.keep(replace(marks, data=keep_names(shard, marks.data, now)))
    parts = books.shards.gather(shard) if find_list(shard) else []
    return _Begun(marks, tuple(parts), None if is_part else books.shards.find_round())
