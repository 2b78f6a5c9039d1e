"""Two works in turn, A B A B, and what they come to: CPU of this process for each unit first."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Final, TypeAlias

from benchmarks.outside import Outside
from notifier import garbage

Work: TypeAlias = Callable[[], Awaitable[int]]
"""Does something for a while, and returns how many units it did."""

PATIENCE_SECONDS: Final = 60.0
GLANCE_SECONDS: Final = 0.002

BUSY_SHARE: Final = 0.9
"""A server that uses this much of a core is what bounds the throughput."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and the least and the greatest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise values, of which there must be one at least."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Lap:
    """One turn of one work; `server_seconds` is the CPU time of the servers meanwhile."""

    units: int
    cpu_seconds: float
    wall_seconds: float
    server_seconds: float

    @property
    def unit_micros(self) -> float:
        """CPU time of this process for each unit, in microseconds."""
        return self.cpu_seconds / self.units * 1e6

    @property
    def units_per_second(self) -> float:
        """Throughput."""
        return self.units / self.wall_seconds

    @property
    def server_share(self) -> float:
        """How much of one core the servers used."""
        return self.server_seconds / self.wall_seconds


Turn: TypeAlias = Callable[[], Awaitable[Lap]]
"""Runs one lap, with whatever has to be prepared before it and put away after it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The laps of the product's work (`ours`) and of the bare one beside it."""

    subject: str
    ours: tuple[Lap, ...]
    bare: tuple[Lap, ...]

    @property
    def ratio(self) -> Spread:
        """CPU of ours for each unit by that of the bare lap next to it."""
        return Spread.of(
            [mine.unit_micros / other.unit_micros for mine, other in zip(self.ours, self.bare, strict=True)]
        )

    @property
    def is_server_bound(self) -> bool:
        """Whether the servers bounded the throughput of either work."""
        return any(median(lap.server_share for lap in laps) >= BUSY_SHARE for laps in (self.ours, self.bare))


async def alternate(subject: str, ours: Turn, bare: Turn, *, rounds: int) -> Comparison:
    """Let both take their turns, after one each that does not count.

    The product's run with the garbage collector as the product has it, the bare ones as Python has it. In
    neither it looks at what was there before.
    """
    as_usual = gc.get_threshold()
    mine: list[Lap] = []
    other: list[Lap] = []
    gc.collect()
    try:
        for _ in range(rounds + 1):
            garbage.keep_all()
            mine.append(await ours())
            gc.set_threshold(*as_usual)
            other.append(await bare())
    finally:
        gc.set_threshold(*as_usual)
        gc.unfreeze()
    del mine[0], other[0]
    return Comparison(subject, tuple(mine), tuple(other))


def time_work(work: Work, server: Outside) -> Turn:
    """Make a turn of a work that is measured as a whole."""
    return partial(run_lap, work, server)


async def run_lap(work: Work, server: Outside) -> Lap:
    """Run a work once, and measure it."""
    gc.collect()
    server_seconds = server.read_cpu_seconds()
    cpu_seconds, wall_seconds = process_time(), perf_counter()
    units = await work()
    return Lap(
        units,
        process_time() - cpu_seconds,
        perf_counter() - wall_seconds,
        server.read_cpu_seconds() - server_seconds,
    )


async def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that another process or task does. Raises TimeoutError when it does not."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - there is nothing here that could set an event
            await asyncio.sleep(GLANCE_SECONDS)
