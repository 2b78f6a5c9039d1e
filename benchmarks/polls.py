"""Unchanged polls: the real poller, and the whole engine, beside a bare aiohttp GET loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks.alternating import Comparison, Lap, Turn, Work, alternate, run_lap, time_work, wait_until
from benchmarks.bare import open_bare
from benchmarks.canned import CannedDintero
from benchmarks.outside import Outside
from benchmarks.parts import SOURCE, list_targets, make_dispatcher, make_source
from notifier import __version__
from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.watch import ConnectionTarget
from notifier.service.clock import SystemClock
from notifier.service.dispatcher import Dispatcher
from notifier.service.engine import Engine
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database

ENGINE_INTERVAL_SECONDS: Final = 0.01
"""So short that something is always due: the engine is as busy as its concurrency allows."""

ENGINE_BEAT_SECONDS: Final = 0.2
"""The interval of what somebody waits for; there is nothing of that here, but a line of log so often."""

_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: rounds of so many seconds for each side, over so many connections."""

    rounds: int
    seconds: float
    connections: int


@dataclass(frozen=True, slots=True)
class Reader:
    """The product's parts that read, put together as `notifier.app` does."""

    targets: tuple[ConnectionTarget, ...]
    poller: Poller
    database: Database
    dispatcher: Dispatcher
    pace: Pace

    def make_engine(self) -> Engine:
        """Make the engine that drives them."""
        return Engine(
            self.targets,
            self.poller,
            self.dispatcher,
            self.database,
            SystemClock(),
            self.pace,
            version=__version__,
        )


async def measure_polls(
    folder: Path, effort: Effort, concurrencies: tuple[int, ...]
) -> tuple[Comparison, ...]:
    """Compare the poller and the whole engine at each concurrency, with and without ETags."""
    found: list[Comparison] = []
    with Outside(CannedDintero) as dintero:
        for has_etags in (False, True):
            dintero.do(CannedDintero.fill, effort.connections, has_etags=has_etags)
            kind = "304" if has_etags else "200, same body"
            for is_engine, concurrency in product((False, True), concurrencies):
                subject = f"{'engine' if is_engine else 'poller'}, {concurrency} at once, {kind}"
                found.append(
                    await compare_polls(subject, folder, dintero, effort, concurrency, is_engine=is_engine)
                )
    return tuple(found)


async def compare_polls(
    subject: str, folder: Path, dintero: Outside, effort: Effort, concurrency: int, *, is_engine: bool = False
) -> Comparison:
    """Compare the poller, or the whole engine, with the bare loop, on a Dintero that is filled already."""
    base_url = dintero.do(CannedDintero.base_url)
    async with (
        assemble(base_url, folder / f"{subject}.db", effort.connections, concurrency) as reader,
        open_bare(base_url, effort.connections, effort.seconds, concurrency) as bare,
    ):
        poll = time_work(_poll_for(reader, effort.seconds, concurrency), dintero)
        ours = _drive_for(reader, effort.seconds, dintero) if is_engine else poll
        return await alternate(subject, ours, time_work(bare, dintero), rounds=effort.rounds)


@asynccontextmanager
async def assemble(base_url: str, path: Path, connections: int, concurrency: int) -> AsyncIterator[Reader]:
    """Put the product's reading parts together, and let them read everything once."""
    clock = SystemClock()
    source = make_source(base_url, concurrency)
    with Database(f"sqlite:///{path}") as database:
        database.open()
        recorder = Recorder(database, clock, Planner((), Directory({}, {})), FirstRun.NONE)
        dispatcher = make_dispatcher({}, database)
        async with source:
            poller = Poller({SOURCE: source}, database, recorder, clock, dispatcher.wake)
            targets = list_targets(connections)
            await poller.start(targets)
            for target in targets:
                await poller.poll(target)
            pace = Pace(ENGINE_BEAT_SECONDS, ENGINE_INTERVAL_SECONDS, concurrency)
            yield Reader(targets, poller, database, dispatcher, pace)


def _poll_for(reader: Reader, seconds: float, concurrency: int) -> Work:
    async def work() -> int:
        tally = reader.poller.tally
        polls, unchanged = tally.polls, tally.unchanged
        until = monotonic() + seconds
        targets = cycle(reader.targets)

        async def poll() -> None:
            while monotonic() < until:
                await reader.poller.poll(next(targets))

        await asyncio.gather(*(poll() for _ in range(concurrency)))
        if tally.polls - polls != tally.unchanged - unchanged:
            raise RuntimeError("a poll found a change where there is none, or failed")
        return tally.polls - polls

    return work


def _drive_for(reader: Reader, seconds: float, dintero: Outside) -> Turn:
    """Make a turn that measures an engine which has started and has read everything once."""

    async def work() -> int:
        before = dintero.do(CannedDintero.count_requests)
        await asyncio.sleep(seconds)
        return dintero.do(CannedDintero.count_requests) - before

    async def turn() -> Lap:
        stopping = asyncio.Event()
        first = dintero.do(CannedDintero.count_requests) + len(reader.targets)
        running = asyncio.ensure_future(reader.make_engine().run(stopping, _GRACE_SECONDS))
        try:
            await wait_until(lambda: dintero.do(CannedDintero.count_requests) >= first)
            return await run_lap(work, dintero)
        finally:
            stopping.set()
            await running

    return turn
