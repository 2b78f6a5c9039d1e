"""`python -m benchmarks.scaling FIGURES.json`: from measured figures to a million accounts.

`FIGURES.json` holds what was measured, by the names of `Figures`, all of them; and in `plan` what is asked of
the service, by the names of `Plan`, where it differs from what stands there. `--write` puts the tables into
docs/scaling.md, where no figure is typed by hand: whoever measures anew runs this anew.
"""

import argparse
import sys
from dataclasses import dataclass, fields
from math import ceil, isfinite
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.document import write_figures
from benchmarks.figures import Figures
from benchmarks.tables import MEBIBYTE, Table

PATH: Final = Path(__file__).parents[1] / "docs" / "scaling.md"
BEGIN: Final = "<!-- figures: written by `python -m benchmarks.scaling FIGURES.json --write` -->"
SIZES: Final = (10_000, 100_000, 1_000_000)
GIBIBYTE: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the service: how often it looks, how much happens, and what others allow."""

    page_accounts: int = 100
    connections_an_account: float = 3.0
    walk_seconds: float = 900.0
    pending_share: float = 0.01
    pending_seconds: float = 60.0
    changes_an_account_and_year: float = 2.0
    messages_a_change: float = 2.0
    busiest_hour_share: float = 0.2
    retention_days: float = 90.0
    shard_accounts: int = 500
    worker_use: float = 0.5
    channel_messages_a_second: float = 1.0
    dintero_requests_a_second: float = 100.0
    database_gibibytes: float = 10.0
    database_cores: float = 4.0
    database_use: float = 0.5


@dataclass(frozen=True, slots=True)
class Demand:
    """What so many accounts come to: requests, messages and jobs a second, workers, bytes."""

    accounts: int
    walk_requests: float
    pending_requests: float
    messages: float
    jobs: float
    cpu: float
    database_cpu: float
    workers: int | None
    database_bytes: float
    worker_bytes: float

    @property
    def requests(self) -> float:
        """Requests to Dintero a second."""
        return self.walk_requests + self.pending_requests


def calculate(accounts: int, figures: Figures, plan: Plan) -> Demand:
    """Calculate what so many accounts take. The formulae stand in docs/scaling.md."""
    connections = accounts * plan.connections_an_account
    walk = accounts / plan.page_accounts / plan.walk_seconds
    pending = connections * plan.pending_share / plan.pending_seconds
    changes_a_day = accounts * plan.changes_an_account_and_year / 365
    messages = changes_a_day * plan.messages_a_change * plan.busiest_hour_share / 3600
    shards = ceil(accounts / plan.shard_accounts)
    jobs = shards / plan.walk_seconds + shards / plan.pending_seconds + messages
    cpu = (
        walk * figures.page_seconds
        + pending * figures.poll_seconds
        + messages * figures.message_seconds
        + jobs * figures.job_seconds
    )
    database_cpu = (
        walk * figures.page_database_seconds
        + pending * figures.poll_database_seconds
        + messages * figures.message_database_seconds
        + jobs * figures.job_database_seconds
    )
    workers = count_workers(cpu / plan.worker_use, figures.gain_of_two)
    cases = changes_a_day * plan.retention_days
    return Demand(
        accounts,
        walk,
        pending,
        messages,
        jobs,
        cpu,
        database_cpu,
        workers,
        connections * figures.mark_bytes + cases * figures.case_bytes,
        figures.worker_bytes + connections / (workers or 1) * figures.connection_bytes,
    )


def count_workers(cores: float, gain_of_two: float) -> int | None:
    """Return how many workers do the work of so many ideal ones, and one more, so that one may be lost.

    n workers do n / (1 + s (n - 1)) times the work of one, where s = 2 / gain - 1 is the part of the work
    that waits for the others (Amdahl). None where no number of workers is enough.
    """
    waiting = find_waiting(gain_of_two)
    if waiting * cores >= 1:
        return None
    return ceil(max(cores * (1 - waiting) / (1 - waiting * cores), 1)) + 1


def find_waiting(gain_of_two: float) -> float:
    """Return the part of the work that waits for other workers, 0 to 1."""
    return min(max(2 / gain_of_two - 1, 0.0), 1.0)


def find_limits(figures: Figures, plan: Plan) -> tuple[tuple[str, float], ...]:
    """Return at how many accounts each thing breaks, the first first; infinite where none is in sight."""
    one = calculate(1_000_000, figures, plan)
    waiting = find_waiting(figures.gain_of_two)
    cores = one.cpu / plan.worker_use / one.accounts
    an_account = {
        "one worker is busy for half of its time": cores,
        "all workers wait for one another": cores * waiting,
        f"PostgreSQL needs {plan.database_use:.0%} of {plan.database_cores:g} cores": one.database_cpu
        / (plan.database_cores * plan.database_use)
        / one.accounts,
        "one channel gets more than Slack takes, in the busiest hour": one.messages
        / plan.channel_messages_a_second
        / one.accounts,
        f"Dintero is asked {plan.dintero_requests_a_second:,.0f} times a second": one.requests
        / plan.dintero_requests_a_second
        / one.accounts,
        f"the database holds {plan.database_gibibytes:,.0f} GiB": one.database_bytes
        / (plan.database_gibibytes * GIBIBYTE)
        / one.accounts,
    }
    limits = ((name, 1 / share if share else float("inf")) for name, share in an_account.items())
    return tuple(sorted(limits, key=lambda pair: pair[1]))


def tabulate(figures: Figures, plan: Plan, sizes: tuple[int, ...] = SIZES) -> tuple[Table, ...]:
    """Return what is written: what was measured, what was assumed, what follows, and what breaks first."""
    demands = [calculate(size, figures, plan) for size in sizes]
    measured = tuple(
        (one.name, f"{getattr(figures, one.name):,.6g}") for one in fields(Figures) if one.name != "machine"
    )
    assumed = tuple((one.name, f"{getattr(plan, one.name):,.6g}") for one in fields(Plan))
    return (
        Table("Measured", ("figure", "value"), measured),
        Table("Assumed", ("figure", "value"), assumed),
        Table(
            "What follows",
            (
                "accounts",
                "requests to Dintero a second",
                "of these, walks",
                "messages a second, busiest hour",
                "jobs a second",
                "cores of workers",
                "of PostgreSQL",
                "workers",
                "database",
                "a worker's memory",
            ),
            tuple(map(_draw, demands)),
        ),
        Table(
            "What breaks first",
            ("what", "at so many accounts"),
            tuple(
                (name, f"{limit:,.0f}" if isfinite(limit) else "not in sight")
                for name, limit in find_limits(figures, plan)
            ),
        ),
    )


def _draw(one: Demand) -> tuple[str, ...]:
    return (
        f"{one.accounts:,}",
        f"{one.requests:,.1f}",
        f"{one.walk_requests:,.1f}",
        f"{one.messages:,.2f}",
        f"{one.jobs:,.1f}",
        f"{one.cpu:,.2f}",
        f"{one.database_cpu:,.2f}",
        "no number is enough" if one.workers is None else f"{one.workers:,}",
        f"{one.database_bytes / GIBIBYTE:,.2f} GiB",
        f"{one.worker_bytes / MEBIBYTE:,.0f} MiB",
    )


def main(arguments: list[str]) -> None:
    """Read the figures, print the tables, and write them where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument(
        "figures", type=Path, help="a JSON object of what was measured, and, in `plan`, assumed"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    options = parser.parse_args(arguments)
    figures, plan = read_figures(options.figures.read_bytes())
    tables = tabulate(figures, plan)
    print("\n\n".join((figures.machine, *(table.draw() for table in tables))))
    if options.write:
        write_figures(figures.machine, tables, PATH, begin_mark=BEGIN)


def read_figures(content: bytes) -> tuple[Figures, Plan]:
    """Decode what was measured, and what is planned. Raises ValueError for unknown or missing names."""
    values = msgspec.json.decode(content, type=dict[str, object])
    plan = values.pop("plan", {})
    for given, wanted in ((values, Figures), (plan, Plan)):
        if not isinstance(given, dict):
            raise ValueError("`plan` must be an object")  # noqa: TRY004 - one kind of mistake for the caller
        unknown = sorted(set(given) - {one.name for one in fields(wanted)})
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}")
    try:
        return msgspec.convert(values, Figures), msgspec.convert(plan, Plan)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
