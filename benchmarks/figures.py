"""What the calculation to a million accounts starts from, as `python -m benchmarks --figures` writes it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from benchmarks.usage import BUSY, Use
from benchmarks.workers import Labour


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, on the machine that `machine` describes.

    `page_seconds`: CPU of one worker for a page of accounts, read, compared and found unchanged.
    `poll_seconds`: CPU of one worker for one connection read alone and found unchanged.
    `message_seconds`: CPU of one worker for one message, its change included, recorded before and after.
    `job_seconds`: CPU of one worker for one job of the queue that finds nothing to do.
    `page_database_seconds` and so on: CPU of PostgreSQL for each of these.
    `gain_of_two`: work a second of two workers by that of one, on one database.
    `mark_bytes`, `case_bytes`: what the database grows by for each watched connection, and for each change.
    `worker_bytes`: resident memory of a worker without accounts; `connection_bytes`: for each that it holds.
    """

    machine: str
    page_seconds: float
    poll_seconds: float
    message_seconds: float
    job_seconds: float
    page_database_seconds: float
    poll_database_seconds: float
    message_database_seconds: float
    job_database_seconds: float
    gain_of_two: float
    mark_bytes: float
    case_bytes: float
    worker_bytes: float
    connection_bytes: float


def gather_figures(machine: str, found: Labour, cores: int) -> Figures:
    """Take from what was measured, on so many cores, what the calculation needs."""
    one, two = found.crews
    return Figures(
        machine=machine,
        page_seconds=found.pages.worker_seconds,
        poll_seconds=one.polls.worker_seconds,
        message_seconds=found.messages.worker_seconds,
        job_seconds=one.jobs.worker_seconds,
        page_database_seconds=found.pages.database_seconds,
        poll_database_seconds=one.polls.database_seconds,
        message_database_seconds=found.messages.database_seconds,
        job_database_seconds=one.jobs.database_seconds,
        gain_of_two=find_gain(one.polls, two.polls, cores, two.demand),
        mark_bytes=found.mark_bytes,
        case_bytes=found.case_bytes,
        worker_bytes=found.worker_bytes,
        connection_bytes=found.connection_bytes,
    )


def find_gain(one: Use, two: Use, cores: int, demand: float) -> float:
    """Return how many times the work of one worker two do, 1 to 2.

    Where both and the database left a core idle, it is by what they did. Where they shared cores that were
    all busy, or did all there was to do (`demand` a second), it is by what they used for each piece of work:
    what two take more, they take from one another.
    """
    if two.busy_cores < BUSY * cores and two.a_second < BUSY * demand:
        gain = two.a_second / one.a_second
    else:
        alone, together = (use.worker_seconds + use.database_seconds for use in (one, two))
        gain = 2 * alone / together
    return min(max(gain, 1.0), 2.0)


def write_json(path: Path, figures: Figures) -> None:
    """Write them as `benchmarks.scaling` reads them."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(figures)), indent=2) + b"\n")
