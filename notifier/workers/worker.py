"""One of any number of workers: it does jobs until it is told to end, whatever becomes of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from notifier.domain.shards import CLOCK_MARGIN, Shard
from notifier.domain.watch import Target
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError, StoreUnavailable
from notifier.service.dispatcher import Dispatcher
from notifier.service.poller import Poller
from notifier.service.ports import Books
from notifier.service.pulse import BEAT_SECONDS, Pulse
from notifier.service.store_watch import StoreWatch
from notifier.workers.alone import HELD
from notifier.workers.clock import SharedClock
from notifier.workers.drains import Drains
from notifier.workers.errands import Errands
from notifier.workers.identity import Identity
from notifier.workers.lease import Lease
from notifier.workers.orders import Task
from notifier.workers.passes import Passes
from notifier.workers.roster import Roster
from notifier.workers.rounds import Rounds
from notifier.workers.shop import Places, Shop
from notifier.workers.takeover import LOOK_SECONDS, Takeover

_log = structlog.get_logger("notifier.worker")

CLOCK_SECONDS: Final = 30.0
"""Between two looks at the database's clock: quartz is wrong by a millisecond in that time."""
DOUBT_SECONDS: Final = 1.0
"""So long after a doubt the store is tried, and no more often than that."""
TURN_SECONDS: Final = 1.0
"""Between two looks whether somebody who has to be alone on the database has ended."""
FORGOTTEN: Final = timedelta(days=1)
"""A worker that gave no sign of life for so long is forgotten, whatever else is kept."""
_AFTERWARDS_SECONDS: Final = 2.0
"""What is left of a shutdown when the grace time is over: jobs that were cancelled say so."""


@dataclass(frozen=True, slots=True)
class Work:
    """All that a worker can do, and what all workers together are to do.

    `keeper` reads nothing: it ends what is no longer watched, and says which source wants to be left alone.
    `lease` is renewed by the worker's signs of life, and `roster` knows its receivers.
    """

    targets: tuple[Target, ...]
    shards: tuple[Shard, ...]
    dispatcher: Dispatcher
    keeper: Poller
    drains: Drains
    passes: Passes
    errands: Errands
    lease: Lease
    roster: Roster


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a worker gives a sign of life, and after how long without one it is taken for gone.

    What it has claimed is good for no longer than the difference: whoever takes over knows that it has run
    out. `tick_seconds` is whole: so often it is looked for what has become due.
    """

    heartbeat_seconds: float = 5.0
    stalled_seconds: float = 25.0
    tick_seconds: int = 2
    places: Places = field(default_factory=Places)

    @property
    def contact_seconds(self) -> float:
        """For so long the database has to have answered before anybody is taken for gone."""
        return 2 * self.heartbeat_seconds + self.look_seconds

    @property
    def look_seconds(self) -> float:
        """Between two looks for workers that are gone."""
        return min(LOOK_SECONDS, self.heartbeat_seconds)


class Worker:
    """Runs jobs for one store; implements what `Supervisor` runs.

    `leaving` is what the parts of `work` look at, to end between two messages, or between two targets.
    """

    def __init__(
        self,
        work: Work,
        watch: StoreWatch,
        clock: SharedClock,
        cadence: Cadence,
        leaving: asyncio.Event,
        *,
        parameters: Mapping[str, Any],
        version: str,
        identity: Identity,
    ) -> None:
        self._work = work
        self._watch = watch
        self._clock = clock
        self._cadence = cadence
        self._leaving = leaving
        self._parameters = parameters
        self._version = version
        self._closing = asyncio.Event()
        self._doubts = asyncio.Event()
        who = {"worker_id": str(identity), "host": identity.name, "pid": identity.pid}
        self._pulse = Pulse(clock, version, who)

    async def run(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        """Do jobs until `stopping` is set; then finish what is on its way within the grace time.

        Raises StoreError when the store is not this worker's any more, or could not be reached at the start.
        """
        is_well, doubt = self._watch.is_well.is_set, self._doubts.set
        shop = Shop(self._parameters, self._closing, is_well, doubt, self._work.lease)
        async with shop.open(self._cadence.stalled_seconds):
            rounds = Rounds(shop.app, self._watch, self._clock)
            work = self._work
            shop.add_task(Task.DRAIN, lambda what, hold: _attempt(lambda: work.drains.drain(what, hold)))
            shop.add_task(Task.POLL, lambda what, _: _attempt(lambda: work.passes.run(what)))
            shop.add_task(Task.TEND, lambda what, _: _attempt(lambda: work.errands.tend(what)))
            shop.add_rounds(lambda: _attempt(rounds.make), self._cadence.tick_seconds)
            if await self._await_turn(shop, stopping):
                await self._start(shop)
                await self._serve(shop, stopping, grace_seconds)

    async def _await_turn(self, shop: Shop, stopping: asyncio.Event) -> bool:
        """Wait for the end of whoever has to be alone on the database; False when `stopping` came first."""
        if not await shop.is_free():
            _log.warning(HELD)
            while not stopping.is_set() and not await shop.is_free():
                await self._clock.sleep(TURN_SECONDS)
        return not stopping.is_set()

    async def _start(self, shop: Shop) -> None:
        self._clock.set(*await shop.read_clock())
        is_restored = await self._work.dispatcher.start()
        await self._work.keeper.start(self._work.targets)
        await self._look_round()
        now = self._clock.now()

        def job(books: Books) -> tuple[int, int]:
            books.errands.plan(self._work.errands.names, now)
            books.forget_gone(now - FORGOTTEN)
            self._pulse.sign(books)
            if is_restored:
                # What has left since the backup only walks through whole lists find.
                books.shards.hasten_divided(now)
            return books.shards.plan(self._work.shards, now)

        new, retired = await self._watch.run(job)
        _log.info(
            "started",
            version=self._version,
            targets=len(self._work.targets),
            shards=len(self._work.shards),
            new=new,
            retired=retired,
            clock_is_off_seconds=round(self._clock.find_offset_seconds(), 3),
        )

    async def _serve(self, shop: Shop, stopping: asyncio.Event, grace_seconds: float) -> None:
        cadence = self._cadence
        takeover = Takeover(shop.app, self._clock.monotonic, cadence.stalled_seconds, cadence.contact_seconds)
        crew = shop.hire(cadence.places, cadence.heartbeat_seconds)
        doing = [asyncio.ensure_future(hand.run()) for hand in crew]
        others = [
            asyncio.ensure_future(self._watch.guard(self._pulse.sign)),
            asyncio.ensure_future(self._repeat(self._dispel_doubts, DOUBT_SECONDS)),
            asyncio.ensure_future(self._repeat(takeover.look, cadence.look_seconds)),
            asyncio.ensure_future(self._repeat(lambda: self._measure(shop), CLOCK_SECONDS)),
            asyncio.ensure_future(self._repeat(self._beat, BEAT_SECONDS)),
        ]
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            ended, _ = await asyncio.wait({*doing, *others, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for one in ended - {stopped}:
                one.result()
                raise StoreUnavailable("Procrastinate's worker has ended by itself")
        finally:
            _log.info("stopping")
            reach(Waypoint.STOPPING)
            self._leaving.set()
            self._closing.set()
            for hand in crew:
                hand.shutdown_graceful_timeout = grace_seconds
                hand.stop()
            await asyncio.wait(doing, timeout=grace_seconds + _AFTERWARDS_SECONDS)
            for part in (*doing, *others, stopped):
                part.cancel()
            await asyncio.gather(*doing, *others, stopped, return_exceptions=True)
            reach(Waypoint.STOPPED)
            await self._pulse.stop(self._watch)

    async def _repeat(self, do: Callable[[], Awaitable[object]], seconds: float) -> None:
        while True:
            await self._clock.sleep(seconds)
            await do()

    async def _measure(self, shop: Shop) -> None:
        try:
            jump = self._clock.set(*await shop.read_clock())
            if jump < -CLOCK_MARGIN.total_seconds():
                now = self._clock.now()
                _log.warning("the database's clock was set back", seconds=round(-jump))
                await self._watch.run(lambda books: books.errands.hasten(now))
        except StoreError as error:
            _log.debug("the database's clock could not be read", error=str(error))

    async def _dispel_doubts(self) -> None:
        """Try the store where the jobs' own connections failed: nobody else may want it just now."""
        await self._doubts.wait()
        self._doubts.clear()
        if self._watch.is_well.is_set():
            await self._pulse.beat(self._watch)

    async def _beat(self) -> None:
        self._pulse.note_polls(self._work.passes.take_tally())
        await self._work.keeper.note_tempo()
        await self._pulse.beat(self._watch)
        await _attempt(self._look_round)

    async def _look_round(self) -> None:
        """See to what is left of others that are no more. Raises StoreError."""
        await self._work.keeper.forget_gone()
        await self._work.roster.call()


async def _attempt(do: Callable[[], Awaitable[object]]) -> None:
    """Do a job's work. Whatever fails, the rows still say what is due, and the next round orders it again."""
    try:
        await do()
    except StoreError as error:
        _log.debug("store failed", error=str(error))
    except Exception:  # noqa: BLE001 - one job must not stop the others
        _log.exception("a fault of the notifier's own")
