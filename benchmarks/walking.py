"""A process that walks a large partner in which nothing has changed: `benchmarks.walking URL ACCOUNTS`.

Its store knows every account already, and its memory has seen them all, as after a first walk. It prints what
the walk took, as JSON.
"""

import asyncio
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Any, Final

import msgspec

from benchmarks.known import fill_store
from benchmarks.parts import SOURCE, make_dispatcher, make_source
from benchmarks.population import NAMES, OWNER_ID
from notifier.dintero import DinteroSource
from notifier.domain.first_run import FirstRun
from notifier.domain.plan import Directory
from notifier.domain.watch import PartnerTarget
from notifier.service.clock import SystemClock
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database

WALK_NAMES: Final = NAMES[:3]
TARGET: Final = PartnerTarget(SOURCE, OWNER_ID)


class Walking(msgspec.Struct, frozen=True):
    """What a walk took: `peak_bytes` is the most that the process ever had in memory."""

    accounts: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class _Same:
    """Equal to every digest."""

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment] # so Python says that it has none


class _SeenAll(dict[str, Any]):
    """Takes every account for one that was seen before, so that it is not decoded."""

    def get(self, _key: str, _default: object = None) -> object:
        return _Same()


async def walk(base_url: str, accounts: int) -> Walking:
    """Walk once, and measure it. Raises RuntimeError when it found a change, or could not read something."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notifier.db"
        fill_store(path, accounts, WALK_NAMES, SOURCE)
        with Database(f"sqlite:///{path}") as database:
            database.open()
            return await _walk(base_url, accounts, database)


async def _walk(base_url: str, accounts: int, database: Database) -> Walking:
    clock, memory = SystemClock(), Memory()
    async with make_source(base_url, 20) as source:
        await _see(source, memory)
        recorder = Recorder(database, clock, Planner((), Directory({}, {})), FirstRun.NONE)
        wake = make_dispatcher({}, database).wake
        poller = Poller({SOURCE: source}, database, recorder, clock, wake, memory=memory)
        cpu_seconds, wall_seconds = process_time(), monotonic()
        await poller.poll(TARGET)
        walking = Walking(
            accounts,
            process_time() - cpu_seconds,
            monotonic() - wall_seconds,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )
        if poller.problems or poller.tally.unchanged != accounts:
            raise RuntimeError(f"not every account was found unchanged: {poller.tally}")
        return walking


async def _see(source: DinteroSource, memory: Memory) -> None:
    digests = memory.find_walked(TARGET).digests
    async for page in source.walk(TARGET, _SeenAll()):
        digests.update({one.account_id: one.digest for one in page})


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(walk(sys.argv[1], int(sys.argv[2])))))
