"""A process that polls many connections in which nothing changes: `benchmarks.growing URL NUMBER TURNS`.

It is what `notifier run` puts together, with a store that knows every connection and a memory that has seen
them all, as after a first round. The engine takes turns with a bare aiohttp loop, which is the yardstick: how
fast the machine is may be another thing a second later. It prints what came of it, as JSON.
"""

import asyncio
import gc
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

import msgspec

from benchmarks.alternating import Spread, Work, wait_until
from benchmarks.bare import open_bare
from benchmarks.known import fill_store
from benchmarks.parts import SOURCE, make_dispatcher, make_source
from benchmarks.population import NAMES, OWNER_ID, list_account_ids
from notifier import __version__, garbage, log
from notifier.dintero.wire.accounts import digest_bytes
from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.watch import Coverage, Fingerprint, Target, plan_targets
from notifier.service.clock import SystemClock
from notifier.service.emergency import Emergency
from notifier.service.engine import Engine
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.service.store_watch import StoreWatch
from notifier.store.database import Database

CONCURRENCY: Final = 50
INTERVAL_SECONDS: Final = 0.05
"""So short that something is always due."""
ROUND_SECONDS: Final = 300.0
"""How long the first round over all connections may take: only what comes after it is measured."""
TURN_SECONDS: Final = 0.4
YARDSTICK: Final = 500
"""So many connections the bare loop reads, again and again."""
_CALM_SECONDS: Final = 0.02
"""After so long no request is on its way any more."""


class Turn(msgspec.Struct, frozen=True):
    """One turn of the engine and the one of the bare loop beside it: polls, and CPU time of this process."""

    polls: int
    cpu_seconds: float
    bare_polls: int
    bare_cpu_seconds: float

    @property
    def ratio(self) -> float:
        """CPU of the engine for each poll by that of the bare loop."""
        return self.micros / self.bare_micros

    @property
    def micros(self) -> float:
        """CPU of the engine for each poll, in microseconds."""
        return self.cpu_seconds / self.polls * 1e6

    @property
    def bare_micros(self) -> float:
        """The same of the bare loop."""
        return self.bare_cpu_seconds / self.bare_polls * 1e6


class Growing(msgspec.Struct, frozen=True):
    """What watching so many connections takes; `resident_bytes` is measured after the first round."""

    connections: int
    resident_bytes: int
    turns: tuple[Turn, ...]

    @property
    def polls(self) -> int:
        """How many polls were measured."""
        return sum(turn.polls for turn in self.turns)

    @property
    def ratio(self) -> Spread:
        """CPU of the engine for each poll by that of the bare loop, turn by turn."""
        return Spread.of([turn.ratio for turn in self.turns])

    @property
    def micros(self) -> float:
        """CPU of the engine for each poll, in microseconds: the median of its turns."""
        return Spread.of([turn.micros for turn in self.turns]).median

    @property
    def bare_micros(self) -> float:
        """The same of the bare loop."""
        return Spread.of([turn.bare_micros for turn in self.turns]).median


async def grow(base_url: str, connections: int, turns: int, body: bytes) -> Growing:
    """Poll in so many turns, and measure it. Raises RuntimeError when a poll found something or failed."""
    accounts = connections // len(NAMES)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notifier.db"
        fill_store(path, accounts, NAMES, SOURCE)
        with Database(f"sqlite:///{path}") as database:
            database.open()
            with garbage.at_rest():
                targets = plan_targets([Coverage(SOURCE, OWNER_ID, list_account_ids(accounts), NAMES)])
            return await _poll(base_url, targets, turns, body, database)


async def _poll(
    base_url: str, targets: tuple[Target, ...], turns: int, body: bytes, database: Database
) -> Growing:
    clock, memory = SystemClock(), Memory()
    for target in targets:
        memory.note_seen(target, Fingerprint(digest_bytes(body)), is_pending=False)
    recorder = Recorder(database, clock, Planner((), Directory({}, {})), FirstRun.NONE)
    dispatcher = make_dispatcher({}, database)
    pace = Pace(INTERVAL_SECONDS, INTERVAL_SECONDS, CONCURRENCY)
    watch = StoreWatch(clock, Emergency([], "here", clock), ROUND_SECONDS)
    watch.attach(database)
    async with make_source(base_url, CONCURRENCY) as source:
        poller = Poller({SOURCE: source}, database, recorder, clock, dispatcher.wake, memory=memory)
        engine = Engine(targets, poller, dispatcher, database, clock, pace, version=__version__, watch=watch)
        stopping = asyncio.Event()
        running = asyncio.ensure_future(engine.run(stopping, 5))
        # Only then comes each of them at a time of its own, as in a service that has run for a while.
        await wait_until(lambda: engine.polls > len(targets) + CONCURRENCY, ROUND_SECONDS)
        resident_bytes = _read_resident_bytes()
        async with open_bare(base_url, min(YARDSTICK, len(targets)), TURN_SECONDS, CONCURRENCY) as bare:
            taken = tuple([await _take_turn(engine, watch, bare) for _ in range(turns)])
        watch.is_well.set()
        stopping.set()
        await running
        if poller.problems or poller.tally.changes:
            raise RuntimeError("something was changed, or could not be read")
    return Growing(len(targets), resident_bytes, taken)


async def _take_turn(engine: Engine, watch: StoreWatch, bare: Work) -> Turn:
    """Let the engine poll for a while, and then, while it waits as for a store that fails, the bare loop."""
    polls, cpu_seconds = engine.polls, process_time()
    watch.is_well.set()
    await asyncio.sleep(TURN_SECONDS)
    watch.is_well.clear()
    await asyncio.sleep(_CALM_SECONDS)
    polls, cpu_seconds = engine.polls - polls, process_time() - cpu_seconds
    as_usual, bare_cpu_seconds = gc.get_threshold(), process_time()
    gc.set_threshold(700)
    try:
        bare_polls = await bare()
    finally:
        gc.set_threshold(*as_usual)
    return Turn(polls, cpu_seconds, bare_polls, process_time() - bare_cpu_seconds)


def _read_resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    log.configure("error", "json", sys.stderr)
    # As `notifier run` does when everything is loaded.
    garbage.keep_all()
    growing = grow(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.buffer.read())
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(growing)))
