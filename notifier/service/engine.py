"""The engine in one process: asyncio polls on time, delivers at once, and shows that it lives."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from notifier.domain.pace import Pace
from notifier.domain.watch import Target
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError, StoreUnavailable
from notifier.service.circuit import Circuit
from notifier.service.dispatcher import Dispatcher
from notifier.service.poller import Poller
from notifier.service.ports import Chore, Clock, Store
from notifier.service.pulse import BEAT_SECONDS, Pulse
from notifier.service.store_watch import StoreWatch
from notifier.service.verifier import Tally

_log = structlog.get_logger("notifier.engine")

CHORE_RETRY_SECONDS: Final = 60.0
ONCE_PATIENCE_SECONDS: Final = 40.0
"""How long `run --once` waits for a message that has to be sent again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one run came to; `problems` says, a sentence each, what could not be read or delivered."""

    tally: Tally
    delivered: int
    problems: tuple[str, ...]


class Engine:
    """Drives one poller and one dispatcher."""

    def __init__(
        self,
        targets: tuple[Target, ...],
        poller: Poller,
        dispatcher: Dispatcher,
        store: Store,
        clock: Clock,
        pace: Pace,
        *,
        version: str,
        chores: tuple[Chore, ...] = (),
        watch: StoreWatch | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._targets = targets
        self._poller = poller
        self._dispatcher = dispatcher
        self._store = store
        self._clock = clock
        self._pace = pace
        self._version = version
        self._chores = chores
        self._watch = watch
        self._circuits = [
            Circuit(some, poller, clock, pace, watch, jitter) for some in _part_by_source(targets)
        ]
        self._pulse = Pulse(clock, version)

    @property
    def polls(self) -> int:
        """How many polls there were since the start."""
        return self._pulse.polls + self._poller.tally.polls

    async def run(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        """Poll and deliver until `stopping` is set; then finish what is on its way within the grace time.

        Raises StoreReplaced and StoreInUse when the store is not this engine's any more.
        """
        guarding = asyncio.ensure_future(self._guard())
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            if await self._start_when_possible(guarding, stopped):
                await self._serve(guarding, stopped, stopping, grace_seconds)
        finally:
            guarding.cancel()
            stopped.cancel()
            await asyncio.gather(guarding, stopped, return_exceptions=True)

    async def _serve(
        self,
        guarding: "asyncio.Future[None]",
        stopped: "asyncio.Future[Any]",
        stopping: asyncio.Event,
        grace_seconds: float,
    ) -> None:
        polling = asyncio.ensure_future(self._poll_all())
        delivering = asyncio.ensure_future(self._dispatcher.run(stopping))
        beating = asyncio.ensure_future(self._beat())
        tending = (asyncio.ensure_future(self._tend(chore)) for chore in self._chores)
        parts: set[asyncio.Future[Any]] = {polling, delivering, beating, guarding, stopped, *tending}
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done - {stopped}:
                part.result()
        finally:
            stopping.set()
            _log.info("stopping")
            reach(Waypoint.STOPPING)
            await self._finish(polling, delivering, grace_seconds)
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            reach(Waypoint.STOPPED)
            await self._pulse.stop(self._store)

    async def run_once(self) -> Report:
        """Poll every target once and send what is due."""
        await self._start(rounds=1)
        tending = [asyncio.ensure_future(self._tend_once(chore)) for chore in self._chores]
        waiting = iter(self._targets)

        async def work() -> None:
            for target in waiting:
                await self._poller.poll(target)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._pace.concurrency, len(self._targets))):
                tasks.create_task(work())
        tally = self._poller.take_tally()
        self._pulse.note_polls(tally)
        await asyncio.gather(*tending)
        # Once more behind the polls: what is told of is what is true now, and it is sent in this run.
        await asyncio.gather(*(self._tend_once(chore) for chore in self._chores))
        await self._dispatcher.drain(ONCE_PATIENCE_SECONDS, awaits_mending=False)
        await self._pulse.stop(self._store)
        problems = (*self._poller.problems.items(), *self._dispatcher.problems.items())
        return Report(
            tally=tally,
            delivered=self._dispatcher.deliveries.delivered,
            # One mistake in the credentials is the same sentence for ten thousand targets.
            problems=tuple(dict.fromkeys(sentence for _, sentence in problems)),
        )

    async def _start(self, rounds: int = 2) -> None:
        is_restored = await self._dispatcher.start()
        await self._poller.start(self._targets, is_restored=is_restored, rounds=rounds)
        await self._store.run(self._pulse.sign)
        _log.info("started", version=self._version, targets=len(self._targets), loop=_name_loop())

    async def _start_when_possible(self, *interrupts: "asyncio.Future[Any]") -> bool:
        """Start as soon as the store works; return False when one of the interrupts came first."""
        while True:
            try:
                await self._start()
            except StoreUnavailable:
                if self._watch is None:
                    raise
            else:
                return True
            well = asyncio.ensure_future(self._watch.is_well.wait())
            await asyncio.wait({well, *interrupts}, return_when=asyncio.FIRST_COMPLETED)
            well.cancel()
            for interrupt in interrupts:
                if interrupt.done():
                    interrupt.result()
                    return False

    async def _guard(self) -> None:
        if self._watch is None:
            await asyncio.Event().wait()
        else:
            await self._watch.guard(self._pulse.sign)

    async def _poll_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for circuit in self._circuits:
                tasks.create_task(circuit.run())

    async def _tend(self, chore: Chore) -> None:
        while True:
            await self._clock.sleep(await self._tend_once(chore))

    async def _tend_once(self, chore: Chore) -> float:
        """Do a chore; one that fails is tried again, and stops nothing else."""
        try:
            return await chore.tend()
        except StoreError as error:
            _log.debug("store failed", error=str(error))
        except Exception:  # noqa: BLE001 - polls and deliveries go on
            _log.exception("a fault of the notifier's own")
        return CHORE_RETRY_SECONDS

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(min(BEAT_SECONDS, self._pace.interval_seconds))
            self._note_polls()
            await self._poller.note_tempo()
            if self._pulse.is_due:
                await self._pulse.beat(self._store)

    def _note_polls(self) -> None:
        # What a poll that is still on its way has come to waits for the line in which that is counted.
        if self._poller.tally.polls:
            self._pulse.note_polls(self._poller.take_tally())

    async def _finish(
        self, polling: "asyncio.Future[None]", delivering: "asyncio.Future[None]", grace_seconds: float
    ) -> None:
        for circuit in self._circuits:
            circuit.close()
        is_well = self._watch is None or self._watch.is_well.is_set()
        # What is read now cannot be kept; what was posted can still be recorded, if the store comes back.
        ending = {polling, delivering} if is_well else {delivering}
        await asyncio.wait(ending, timeout=grace_seconds)


def _part_by_source(targets: tuple[Target, ...]) -> Iterable[list[Target]]:
    parted: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        parted[target.source].append(target)
    return parted.values()


def _name_loop() -> str:
    """Name what runs everything: "asyncio", or "uvloop" where it is installed."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
