"""What every program is asked to do, and what comes of it."""

from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from benchmarks.outside import Outside
from benchmarks.peers.process import PATIENCE_SECONDS
from benchmarks.peers.stage import Stage, wait_for_arrivals
from benchmarks.peers.tally import Delay, Losses, rate_of
from benchmarks.program import Running

BUSY_SECONDS: Final = 3.0
BUSY_CASES: Final = 10
BUSY_WAIT_SECONDS: Final = 25.0
SETTLE_SECONDS: Final = 20.0
"""After a crash nothing is counted before this has passed: longer than the notifier looks for a message."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done.

    Messages at once (`messages`), one by one (`singles`) and around a crash; watched addresses, rounds over
    them, and changes of them.
    """

    messages: int
    singles: int
    crash: int
    watches: int
    rounds: int
    changes: int


@dataclass(frozen=True, slots=True)
class Burst:
    """Many messages at once: messages a second, CPU seconds for each, and the memory held afterwards."""

    rate: float
    cpu_seconds: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Busy:
    """While Slack refused: posts that were refused, cases told afterwards, and how long after it was over.

    `seconds` (to the last of those that came) is None where none came.
    """

    refused: int
    told: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """What telling Slack came to. `crashes` are by what was done after the restart; `busy` None: untried."""

    program: str
    burst: Burst
    delay: Delay
    crashes: tuple[tuple[str, Losses], ...]
    busy: Busy | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What watching came to: `delay` is from the last byte of the changed answer to its message."""

    program: str
    watches: int
    checks_per_second: float
    cpu_seconds: float
    resident_bytes: int
    delay: Delay


@dataclass(frozen=True, slots=True)
class Skipped:
    """A program that is not there, and why."""

    program: str
    reason: str


def watch_burst(stage: Outside, running: Running, messages: int) -> Burst:
    """Follow a burst of messages from the first to the last. Raises TimeoutError when they do not come."""
    if not wait_for_arrivals(stage, 1, PATIENCE_SECONDS):
        raise TimeoutError("no message came")
    cpu_seconds, known = running.read_cpu_seconds(), stage.do(Stage.count_arrivals)
    if not wait_for_arrivals(stage, messages, PATIENCE_SECONDS):
        raise TimeoutError(f"{messages} messages were awaited")
    cpu_seconds = running.read_cpu_seconds() - cpu_seconds
    arrivals = stage.do(Stage.list_arrivals)
    return Burst(
        rate_of(arrivals),
        cpu_seconds / max(len(arrivals) - known, 1),
        running.read_resident_bytes(),
    )


def watch_busy(stage: Outside, over_at: float, cases: int) -> Busy:
    """See what comes of some cases while and after Slack refuses everything until `over_at`."""
    wait_for_arrivals(stage, cases, max(over_at - monotonic(), 0) + BUSY_WAIT_SECONDS)
    arrivals = stage.do(Stage.list_arrivals)
    seconds = arrivals[-1].at - over_at if arrivals else None
    return Busy(stage.do(Stage.count_refused), len({arrival.case for arrival in arrivals}), seconds)


def settle() -> None:
    """Wait for what may come late: there is nothing to see that would end this earlier."""
    sleep(SETTLE_SECONDS)
