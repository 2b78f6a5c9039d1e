"""The jobs of polls: each is one pass over a shard, by the same poller as in the asyncio engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from notifier.domain.shards import Marks, Shard, describe
from notifier.domain.watch import Target
from notifier.service.engine import Pace
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Books, Clock, Store
from notifier.service.verifier import Tally
from notifier.workers.fence import FencedStore, Overtaken

_log = structlog.get_logger("notifier.worker")

_JITTER: Final = 0.1
_TOGETHER: Final = 0.5
"""What is due within this part of the shorter interval is read along: marks are written once for all."""


class _Saved(msgspec.Struct, array_like=True):
    """A shard's marks: when each target is due, in seconds since 1970, and what is remembered of them."""

    due: dict[str, float] = msgspec.field(default_factory=dict)
    memory: bytes = b""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Saved)


@dataclass(frozen=True, slots=True)
class Custody:
    """A shard while a pass over it lasts: its row as it was taken, and the store as far as it may be used."""

    shard: Shard
    marks: Marks
    store: Store


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
        self._shards: Mapping[str, Shard] = {shard.shard_id: shard for shard in shards}
        self._make_poller = make_poller
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
        custody = await self._take(shard_id)
        if custody is None:
            return
        saved = _read(custody.marks)
        memory = Memory()
        memory.restore(custody.shard.targets, saved.memory)
        poller = self._make_poller(custody.store, memory)
        try:
            await poller.resume(custody.shard.targets)
            due = await self._poll(poller, custody.shard.targets, saved.due)
            await self._leave(custody, due, memory)
        except Overtaken as error:
            _log.warning("another worker was faster", shard=shard_id, error=str(error))
        finally:
            self._count(poller.take_tally())

    def take_tally(self) -> Tally:
        """Give what the polls came to, and begin to count anew."""
        taken, self._tally = self._tally, Counter()
        return Tally(**taken)

    async def _take(self, shard_id: str) -> Custody | None:
        """Begin a pass; None where this worker's settings do not say the same of the shard as its row."""
        marks = await self._store.run(lambda books: books.shards.take(shard_id))
        if marks is None:
            return None
        shard = self._shards.get(shard_id)
        if shard is None or shard.digest != marks.digest:
            _log.error(
                "a shard was planned from other settings than this worker's: all need the same; restart it",
                shard=shard_id,
            )
            return None
        return Custody(shard, marks, FencedStore(self._store, shard_id, marks.version))

    async def _poll(
        self, poller: Poller, targets: tuple[Target, ...], due: Mapping[str, float]
    ) -> dict[str, float]:
        """Read what is due, and return when each target is due again."""
        soon = self._clock.now().timestamp() + _TOGETHER * self._pace.interval_seconds
        later = {name: due.get(name, 0.0) for name in map(describe, targets)}
        waiting = iter([target for target in targets if later[describe(target)] <= soon])

        async def work() -> None:
            for target in waiting:
                async with self._at_once:
                    if self._leaving.is_set():
                        return
                    await poller.poll(target)
                later[describe(target)] = self._find_next(poller, target)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._pace.concurrency, len(targets))):
                tasks.create_task(work())
        return later

    def _find_next(self, poller: Poller, target: Target) -> float:
        is_pending = poller.is_pending(target)
        seconds = self._pace.interval_seconds if is_pending else self._pace.quiet_interval_seconds
        seconds = max(seconds, poller.find_hold_seconds(target) / (1 - _JITTER))
        return self._clock.now().timestamp() + seconds * (1 - _JITTER * self._jitter())

    async def _leave(self, custody: Custody, due: Mapping[str, float], memory: Memory) -> None:
        """Write the marks, unless another pass has begun."""
        now = self._clock.now()
        pause = (1 - _TOGETHER) * self._pace.interval_seconds
        next_at = min(due.values())
        if not self._leaving.is_set():
            next_at = max(next_at, now.timestamp() + pause)
        data = _ENCODER.encode(_Saved(dict(due), memory.export(custody.shard.targets)))
        marks = replace(custody.marks, next_at=datetime.fromtimestamp(next_at, UTC), data=data)

        def job(books: Books) -> bool:
            return books.shards.save(marks, now, self._name)

        if not await self._store.run(job):
            raise Overtaken(f"another worker reads shard {custody.shard.shard_id} by now")

    def _count(self, tally: Tally) -> None:
        self._tally.update(asdict(tally))


def _read(marks: Marks) -> _Saved:
    """Read a shard's marks; what cannot be read is as good as none."""
    try:
        return _DECODER.decode(marks.data) if marks.data else _Saved()
    except msgspec.DecodeError:
        return _Saved()
