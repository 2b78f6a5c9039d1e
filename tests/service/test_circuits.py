"""Each source is polled by itself: what keeps one waiting keeps no other, and ends with its cause."""

import asyncio
from collections.abc import Callable

from notifier.domain.pace import Pace
from notifier.domain.watch import AccountTarget, ConnectionTarget, Fingerprint, Reading, Tempo
from notifier.service.circuit import Circuit
from notifier.service.engine import Engine
from notifier.service.poller import Poller
from tests.chaos.world import until
from tests.fakes import ACCOUNT, FakeClock, FakeSource, make_account
from tests.service.conftest import MakeService, of_many

PATIENCE_SECONDS = 20
WHOLE = AccountTarget("dintero", ACCOUNT)
BUSY = tuple(AccountTarget("busy", f"P{number:08}") for number in range(5))

pytestmark = of_many


class Endless(FakeSource):
    """Never answers: its requests wait for their turn."""

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Wait."""
        await asyncio.Event().wait()
        return await super().read(target, seen)


class Counting(FakeSource):
    """Tells when it has been asked."""

    def __init__(self) -> None:
        super().__init__(make_account())
        self.reads = 0
        self.was_asked = asyncio.Event()

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Count it, and answer."""
        self.reads += 1
        self.was_asked.set()
        return await super().read(target, seen)


class Timers(FakeClock):
    """A clock whose timers go off when the time is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something when the time has come."""
        self.timers.append((self.elapsed + seconds, callback))
        return super().call_later(3600, callback)

    async def pass_time(self, seconds: float, is_done: Callable[[], object]) -> None:
        """Move the time on to what is due in it, one after another, and let it be done."""
        end = self.elapsed + seconds
        while due := [one for one in self.timers if one[0] <= end]:
            at, callback = min(due, key=lambda one: one[0])
            self.timers.remove((at, callback))
            self.advance(max(0.0, at - self.elapsed))
            callback()
            await asyncio.sleep(0)
            await until(is_done, PATIENCE_SECONDS)
        self.advance(end - self.elapsed)


async def test_a_source_that_keeps_waiting_keeps_no_other(make_service: MakeService) -> None:
    """Where a source takes all the polls it may have, those of another must come in time."""
    source = Counting()
    service = make_service(source)
    sources = {"busy": Endless(), "dintero": source}
    poller = Poller(
        sources, service.database, service.poller._recorder, service.clock, service.dispatcher.wake
    )
    targets = (*BUSY, WHOLE)
    await poller.start(targets)
    engine = Engine(
        targets, poller, service.dispatcher, service.database, Timers(), Pace(60, 900, 2), version="0"
    )
    polling = asyncio.ensure_future(engine._poll_all())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await source.was_asked.wait()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)


async def test_a_strain_that_is_over_puts_nothing_off(make_service: MakeService) -> None:
    """Who was read while Dintero wanted less must be read after one interval when it is well again."""
    source = Counting()
    service = make_service(source)
    await service.start(WHOLE)
    clock = Timers()
    circuit = Circuit([WHOLE], service.poller, clock, Pace(60, 60, 1), None, lambda: 0.0)
    polling = asyncio.ensure_future(circuit.run())

    async def pass_minutes(minutes: float) -> int:
        # Until somebody waits for the next poll again.
        await clock.pass_time(60 * minutes, lambda: circuit._agenda._idle)
        return source.reads

    async with asyncio.timeout(PATIENCE_SECONDS):
        await until(lambda: circuit._agenda._idle, PATIENCE_SECONDS)
        read = await pass_minutes(1)
        source.tempo = Tempo(16, "Dintero answers slowly")
        assert await pass_minutes(14.5) == read
        assert await pass_minutes(2) == read + 1
        source.tempo = Tempo()
        assert await pass_minutes(1) == read + 2
    circuit.close()
    await polling
