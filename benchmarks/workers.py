"""One worker and two, each a process, on a real PostgreSQL: jobs and polls a second, and the CPU of each."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.canned import CannedDintero
from benchmarks.outside import Outside
from benchmarks.population import NAME, list_account_ids
from benchmarks.program import Running, run_program, write_list

_START_SECONDS: Final = 180.0
_JOBS_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.05

_ORDER: Final = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT 'tend', 'tend', 'idle:' || n, 'idle:' || n, jsonb_build_object('what', 'idle-' || n)
FROM generate_series(1, %(count)s) AS n
"""
"""Jobs for chores that nobody knows: each is fetched, looks into the store, and is finished."""


@dataclass(frozen=True, slots=True)
class Crew:
    """What some workers did together: jobs and polls a second, and the CPU seconds of one."""

    workers: int
    jobs: float
    job_cpu: float
    polls: float
    poll_cpu: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How much is measured: jobs, accounts, and seconds of polls."""

    jobs: int
    accounts: int
    seconds: float


def measure_workers(folder: Path, shift: Shift, workers: tuple[int, ...] = (1, 2)) -> tuple[Crew, ...]:
    """Measure so many workers, one crew after the other, each on a database of its own."""
    from tests.postgres import served  # noqa: PLC0415 - it starts a server

    with served() as cluster, Outside(CannedDintero) as dintero:
        dintero.do(CannedDintero.fill, shift.accounts, has_etags=True)
        found = []
        for count in workers:
            place = folder / f"crew-{count}"
            place.mkdir()
            url = cluster.make_database()
            with _hire(place, dintero.do(CannedDintero.base_url), url, shift, count) as crew:
                found.append(_measure(crew, dintero, url, shift))
        return tuple(found)


@contextmanager
def _hire(folder: Path, base_url: str, url: str, shift: Shift, count: int) -> Iterator[list[Running]]:
    accounts = write_list(list_account_ids(shift.accounts))
    settings = f'accounts = {accounts}\nconnections = ["{NAME}"]'
    # As often as they can: each shard is due again by the time that it has been read.
    poll = "interval_seconds = 0.1\nquiet_interval_seconds = 0.1\nconcurrency = 50"
    with ExitStack() as stack:
        crew = []
        for number in range(count):
            place = folder / str(number)
            place.mkdir()
            crew.append(
                stack.enter_context(
                    run_program(place, base_url, dintero=settings, poll=poll, NOTIFIER_STORE__URL=url)
                )
            )
        yield crew


def _measure(crew: list[Running], dintero: Outside, url: str, shift: Shift) -> Crew:
    with psycopg.connect(url, autocommit=True) as database:
        _wait(lambda: _read_first(database, shift), _START_SECONDS, "the first pass over all shards")
        polls, poll_cpu = _count_polls(crew, dintero, shift.seconds)
        # No shard is due any more: what is left of CPU is for jobs.
        database.execute("UPDATE shards SET next_at = next_at + 3600000000")
        time.sleep(2)
        cpu, began = _read_cpu(crew), time.monotonic()
        database.execute(_ORDER, {"count": shift.jobs})
        database.execute("SELECT pg_notify('procrastinate_queue_v1#tend', %s)", (_NEWS,))
        _wait(lambda: _count_jobs(database) == 0, _JOBS_SECONDS, "all jobs")
        seconds = time.monotonic() - began
        job_cpu = (_read_cpu(crew) - cpu) / shift.jobs
    return Crew(len(crew), shift.jobs / seconds, job_cpu, polls, poll_cpu)


_NEWS: Final = '{"type": "job_inserted", "job_id": 0}'


def _count_polls(crew: list[Running], dintero: Outside, seconds: float) -> tuple[float, float]:
    before, cpu, began = dintero.do(CannedDintero.count_requests), _read_cpu(crew), time.monotonic()
    time.sleep(seconds)
    polls = dintero.do(CannedDintero.count_requests) - before
    return polls / (time.monotonic() - began), (_read_cpu(crew) - cpu) / max(polls, 1)


def _read_cpu(crew: list[Running]) -> float:
    return sum(one.read_cpu_seconds() for one in crew)


def _read_first(database: "psycopg.Connection[tuple[object, ...]]", shift: Shift) -> bool:
    if database.execute("SELECT to_regclass('shards')").fetchone() == (None,):
        return False
    row = database.execute("SELECT count(*), min(length(marks)) FROM shards").fetchone()
    return row is not None and bool(row[0]) and bool(row[1]) and shift.accounts > 0


def _count_jobs(database: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = database.execute("SELECT count(*) FROM procrastinate_jobs WHERE lock LIKE 'idle:%'").fetchone()
    return int(str(row[0])) if row else 0


def _wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {seconds:g} s: {what} (load {os.getloadavg()[0]:.1f})")
        time.sleep(_LOOK_SECONDS)
