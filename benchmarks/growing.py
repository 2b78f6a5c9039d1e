"""A process that polls many connections in which nothing changes: `benchmarks.growing URL NUMBER`.

It is what `notifier run` puts together, with a store that knows every connection and a memory that has seen
them all, as after a first round. A line on stdin says what every answer is, and each further one lets it poll
for a while; each is answered by a line of JSON.
"""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

import msgspec

from benchmarks.alternating import wait_until
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
_CALM_SECONDS: Final = 0.02
"""After so long no request is on its way any more: what it takes then is none of the bare loop's."""
_ALARM_SECONDS: Final = 60.0
"""After so long on-call would be told of a store that fails; here there is nobody."""


class Settled(msgspec.Struct, frozen=True):
    """So many connections have been polled once, and this is the resident memory then."""

    connections: int
    resident_bytes: int


class Lap(msgspec.Struct, frozen=True):
    """What the engine did in one turn, and the CPU time of its process meanwhile."""

    polls: int
    cpu_seconds: float


async def grow(base_url: str, connections: int) -> None:
    """Poll whenever it is asked for. Raises RuntimeError when a poll found something or failed."""
    body = (await _read_line()).rstrip()
    accounts = connections // len(NAMES)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notifier.db"
        fill_store(path, accounts, NAMES, SOURCE)
        with Database(f"sqlite:///{path}") as database:
            database.open()
            with garbage.at_rest():
                targets = plan_targets([Coverage(SOURCE, OWNER_ID, list_account_ids(accounts), NAMES)])
            await _poll(base_url, targets, body, database)


async def _poll(base_url: str, targets: tuple[Target, ...], body: bytes, database: Database) -> None:
    clock, memory = SystemClock(), Memory()
    for target in targets:
        memory.note_seen(target, Fingerprint(digest_bytes(body)), is_pending=False)
    recorder = Recorder(database, clock, Planner((), Directory({}, {})), FirstRun.NONE)
    dispatcher = make_dispatcher({}, database)
    pace = Pace(INTERVAL_SECONDS, INTERVAL_SECONDS, CONCURRENCY)
    watch = StoreWatch(clock, Emergency([], "here", clock), _ALARM_SECONDS)
    watch.attach(database)
    async with make_source(base_url, CONCURRENCY) as source:
        poller = Poller({SOURCE: source}, database, recorder, clock, dispatcher.wake, memory=memory)
        engine = Engine(targets, poller, dispatcher, database, clock, pace, version=__version__, watch=watch)
        stopping = asyncio.Event()
        running = asyncio.ensure_future(engine.run(stopping, 5))
        # Only then comes each of them at a time of its own, as in a service that has run for a while.
        await wait_until(lambda: engine.polls > len(targets) + CONCURRENCY, ROUND_SECONDS)
        watch.is_well.clear()
        _write_line(Settled(len(targets), _read_resident_bytes()))
        while await _read_line():
            _write_line(await _take_turn(engine, watch))
        watch.is_well.set()
        stopping.set()
        await running
        if poller.problems or poller.tally.changes:
            raise RuntimeError("something was changed, or could not be read")


async def _take_turn(engine: Engine, watch: StoreWatch) -> Lap:
    """Let the engine poll for a while; before and after that it waits, as it does for a store that fails."""
    polls, cpu_seconds = engine.polls, process_time()
    watch.is_well.set()
    await asyncio.sleep(TURN_SECONDS)
    watch.is_well.clear()
    await asyncio.sleep(_CALM_SECONDS)
    return Lap(engine.polls - polls, process_time() - cpu_seconds)


async def _read_line() -> bytes:
    return await asyncio.to_thread(sys.stdin.buffer.readline)


def _write_line(value: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _read_resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    log.configure("error", "json", sys.stderr)
    # As `notifier run` does when everything is loaded.
    garbage.keep_all()
    asyncio.run(grow(sys.argv[1], int(sys.argv[2])))
