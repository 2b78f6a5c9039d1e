"""The jobs of polls: each is one pass over a shard, by the same poller as in the asyncio engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from notifier.domain.pace import Pace
from notifier.domain.shards import Marks, Shard, describe
from notifier.domain.watch import PartnerTarget, Target
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Clock, Store
from notifier.service.verifier import Tally
from notifier.workers.fence import FencedStore, Overtaken

_log = structlog.get_logger("notifier.worker")

_TOGETHER: Final = 0.5
"""What is due within this part of the shorter interval is read along: marks are written once for all."""


class _Saved(msgspec.Struct, array_like=True):
    """A shard's marks: when each target is due, in seconds since 1970, and what is remembered of them."""

    due: dict[str, float] = msgspec.field(default_factory=dict)
    memory: bytes = b""


_OTHER_SETTINGS: Final = (
    "a shard was planned from other settings than this worker's: all workers need the same; restart this one"
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Saved)


@dataclass(frozen=True, slots=True)
class Post:
    """Where this process reads one shard: what it knows beside the marks stays here from pass to pass."""

    shard: Shard
    store: FencedStore
    memory: Memory
    poller: Poller
    lock: asyncio.Lock


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
        self._posts = {shard.shard_id: _make_post(shard, make_poller, store) for shard in shards}
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
        post = self._posts.get(shard_id)
        if post is None:
            _log.error(_OTHER_SETTINGS, shard=shard_id)
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
        marks = await self._store.run(lambda books: books.shards.take(shard.shard_id, shard.digest))
        if marks is None:
            _log.error(_OTHER_SETTINGS, shard=shard.shard_id)
            return
        post.store.version = marks.version
        saved = _read(marks)
        post.memory.restore(shard.targets, saved.memory)
        await post.poller.resume(shard.targets)
        due = await self._poll(post, saved.due)
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
        """Write the marks, unless another pass has begun."""
        now = self._clock.now()
        next_at = min(due.values())
        if not self._leaving.is_set():
            next_at = max(next_at, now.timestamp() + (1 - _TOGETHER) * self._pace.interval_seconds)
        data = _ENCODER.encode(_Saved(dict(due), post.memory.export(post.shard.targets)))
        left = replace(marks, next_at=datetime.fromtimestamp(next_at, UTC), data=data)
        if not await self._store.run(lambda books: books.shards.save(left, now, self._name)):
            raise Overtaken(f"another worker reads shard {marks.shard_id} by now")


def _make_post(shard: Shard, make_poller: Callable[[Store, Memory], Poller], store: Store) -> Post:
    fenced, memory = FencedStore(store, shard.shard_id), Memory()
    return Post(shard, fenced, memory, make_poller(fenced, memory), asyncio.Lock())


def _read(marks: Marks) -> _Saved:
    """Read a shard's marks; what cannot be read is as good as none."""
    try:
        return _DECODER.decode(marks.data) if marks.data else _Saved()
    except msgspec.DecodeError:
        return _Saved()
