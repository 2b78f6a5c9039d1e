"""What was lost, what came twice, and how long it took: plain values, no I/O."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

_CASE: Final = re.compile(r"P10\d{6}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was taken: the case it is about, and when (monotonic seconds)."""

    case: str
    at: float


@dataclass(frozen=True, slots=True)
class Losses:
    """Of so many cases: those nobody was told of, and the messages beyond the first of each case."""

    cases: int
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from a cause to its message: median, 99th percentile, greatest."""

    median: float
    percentile_99: float
    greatest: float


def find_case(text: str) -> str:
    """Return the account that a message is about (`benchmarks.population`), "" where it names none."""
    found = _CASE.search(text)
    return found[0] if found else ""


def count_losses(cases: Iterable[str], arrivals: Iterable[Arrival]) -> Losses:
    """Compare what should have been told, once each, with what arrived; other cases do not count."""
    wanted = set(cases)
    told = Counter(arrival.case for arrival in arrivals if arrival.case in wanted)
    return Losses(len(wanted), len(wanted) - len(told), sum(told.values()) - len(told))


def measure_delay(causes: Mapping[str, float], arrivals: Sequence[Arrival]) -> Delay:
    """Time the first message of each case from its cause. Raises LookupError where one has none."""
    first: dict[str, float] = {}
    for arrival in arrivals:
        first.setdefault(arrival.case, arrival.at)
    missing = [case for case in causes if case not in first]
    if missing or not causes:
        raise LookupError(f"{len(missing)} of {len(causes)} cases have no message")
    return summarise([first[case] - at for case, at in causes.items()])


def summarise(seconds: Sequence[float]) -> Delay:
    """Summarise times, of which there must be one at least."""
    most = quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else seconds[0]
    return Delay(median(seconds), most, max(seconds))


def rate_of(arrivals: Sequence[Arrival]) -> float:
    """Return messages a second between the first and the last of some, in order; there must be two."""
    return (len(arrivals) - 1) / (arrivals[-1].at - arrivals[0].at)
