"""A process that polls many connections in which nothing changes: `benchmarks.growing URL NUMBER SECONDS`.

It is what `notifier run` puts together, with a store that knows every connection and a memory that has seen
them all, as after a first round. It prints what that takes, as JSON.
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
from notifier.service.engine import Engine
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database

CONCURRENCY: Final = 50
INTERVAL_SECONDS: Final = 0.05
"""So short that something is always due."""


class Growing(msgspec.Struct, frozen=True):
    """What watching so many connections takes; `resident_bytes` is measured at the end."""

    connections: int
    polls: int
    cpu_seconds: float
    resident_bytes: int


async def grow(base_url: str, connections: int, seconds: float, body: bytes) -> Growing:
    """Poll for so long, and measure it. Raises RuntimeError when a poll found something or failed."""
    accounts = connections // len(NAMES)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notifier.db"
        fill_store(path, accounts, NAMES, SOURCE)
        with Database(f"sqlite:///{path}") as database:
            database.open()
            coverage = Coverage(SOURCE, OWNER_ID, list_account_ids(accounts), NAMES)
            return await _poll(base_url, plan_targets([coverage]), seconds, body, database)


async def _poll(
    base_url: str, targets: tuple[Target, ...], seconds: float, body: bytes, database: Database
) -> Growing:
    clock, memory = SystemClock(), Memory()
    for target in targets:
        memory.note_seen(target, Fingerprint(digest_bytes(body)), is_pending=False)
    recorder = Recorder(database, clock, Planner((), Directory({}, {})), FirstRun.NONE)
    dispatcher = make_dispatcher({}, database)
    pace = Pace(INTERVAL_SECONDS, INTERVAL_SECONDS, CONCURRENCY)
    async with make_source(base_url, CONCURRENCY) as source:
        poller = Poller({SOURCE: source}, database, recorder, clock, dispatcher.wake, memory=memory)
        engine = Engine(targets, poller, dispatcher, database, clock, pace, version=__version__)
        garbage.keep_all()
        stopping = asyncio.Event()
        running = asyncio.ensure_future(engine.run(stopping, 5))
        await wait_until(lambda: engine.polls > CONCURRENCY + len(targets))
        polls, cpu_seconds = engine.polls, process_time()
        await asyncio.sleep(seconds)
        polls, cpu_seconds = engine.polls - polls, process_time() - cpu_seconds
        resident_bytes = _read_resident_bytes()
        stopping.set()
        await running
        if poller.problems or poller.tally.changes:
            raise RuntimeError("something was changed, or could not be read")
    return Growing(len(targets), polls, cpu_seconds, resident_bytes)


def _read_resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    log.configure("error", "json", sys.stderr)
    growing = grow(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(growing)))
