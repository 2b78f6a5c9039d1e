"""Whether something grows: the slope of its second half, held against a bound."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from tests.soak.sampling import Sample

MEASURES: Final = {
    "resident_mib": ("resident memory, MiB", 0.5),
    "descriptors": ("open file descriptors", 1.0),
    "threads": ("threads", 0.2),
    "tasks": ("asyncio tasks", 1.0),
    "objects": ("objects of Python's", 300.0),
    "wal_mib": ("write-ahead log, MiB", 0.5),
    "open": ("notifications that wait", 10.0),
}
"""What has to stay flat: what it is, and by how much a minute it may grow."""

TOLD_KIB: Final = 6.0
"""KiB that the database may grow for each notification: rows stay until `retention_days` have passed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure: its first, middle and last value, its slope (a minute, or for each told) and the bound."""

    name: str
    first: float
    middle: float
    last: float
    slope: float
    bound: float

    @property
    def is_flat(self) -> bool:
        """Whether it grows by no more than its bound."""
        return self.slope <= self.bound


def judge(samples: Sequence[Sample]) -> tuple[Verdict, ...]:
    """Judge every measure by the second half of the samples: in the first, a program fills its caches."""
    half = samples[len(samples) // 2 :]
    verdicts = [
        _judge_one(
            name, [getattr(one, field) for one in samples], find_slope(_list_points(half, field)), bound
        )
        for field, (name, bound) in MEASURES.items()
    ]
    growth = (half[-1].database_mib - half[0].database_mib) * 1024
    per_told = growth / max(half[-1].told - half[0].told, 1)
    sizes = [one.database_mib for one in samples]
    return (*verdicts, _judge_one("database, MiB; KiB for each told", sizes, per_told, TOLD_KIB))


def find_slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of points: no single step or spike moves it."""
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in combinations(points, 2)
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0


def _list_points(samples: Sequence[Sample], field: str) -> list[tuple[float, float]]:
    """Return (minutes, value) where the value could be had."""
    points = [(one.at_seconds / 60, float(getattr(one, field))) for one in samples]
    return [point for point in points if point[1] >= 0]


def _judge_one(name: str, values: Sequence[float], slope: float, bound: float) -> Verdict:
    return Verdict(name, values[0], values[len(values) // 2], values[-1], slope, bound)
