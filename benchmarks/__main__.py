"""`python -m benchmarks`: measure, and print the ratios."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from benchmarks.deliveries import Load, measure_deliveries
from benchmarks.digests import measure_digests
from benchmarks.document import write_alternative, write_figures
from benchmarks.figures import gather_figures, write_json
from benchmarks.growth import measure_growth, measure_large_start, measure_walk
from benchmarks.labour import tabulate_workers
from benchmarks.latency import measure_latency
from benchmarks.machine import describe_machine
from benchmarks.memory import measure_memory
from benchmarks.plot import PATH, describe_growth, draw_growth
from benchmarks.polls import Effort, measure_polls
from benchmarks.start import measure_imports, measure_start
from benchmarks.tables import (
    Table,
    tabulate_comparisons,
    tabulate_digests,
    tabulate_growth,
    tabulate_imports,
    tabulate_large_start,
    tabulate_latency,
    tabulate_memory,
    tabulate_start,
    tabulate_walk,
)
from benchmarks.workers import Shift, measure_workers
from notifier import log


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    effort: Effort
    concurrencies: tuple[int, ...]
    load: Load
    connections: tuple[int, ...]
    starts: int
    changes: int
    flood: int
    grown: tuple[int, ...]
    walked: int
    shift: Shift


FULL: Final = Scale(
    Effort(15, 0.2, 500),
    (5, 50, 200),
    Load(5, 400, 20),
    (1_000, 10_000),
    7,
    150,
    1_000,
    (1_000, 10_000, 100_000),
    100_000,
    Shift(1_000, 500, 8_000, 6.0, 1_500, 200, (1_000, 50_000)),
)
QUICK: Final = Scale(
    Effort(4, 0.1, 500),
    (50,),
    Load(2, 60, 20),
    (100, 500),
    1,
    30,
    100,
    (1_000, 5_000),
    2_000,
    Shift(100, 100, 400, 2.0, 200, 20, (300, 3_000)),
)
LONG_GROWTH: Final = 400_000
GROWTH_TURNS: Final = 15
LARGE_STARTS: Final = 3


def main(arguments: list[str]) -> None:
    """Measure what was asked for."""
    options = _make_parser().parse_args(arguments)
    # A run that is ended from outside must not leave servers and programs behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    scale = QUICK if options.quick else FULL
    machine = describe_machine()
    print(machine, end="\n\n", flush=True)
    started_at = monotonic()
    tables: list[Table] = []
    with TemporaryDirectory() as name, Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        # The log is made as in production, and goes nowhere.
        log.configure("info", "json", nowhere)
        for measure in _list_measurements(Path(name), scale, options):
            made = measure()
            tables += made
            print("\n\n".join(table.draw() for table in made), end="\n\n", flush=True)
    took = f"Measuring this took {monotonic() - started_at:,.0f} s."
    print(took)
    if options.write:
        write_figures(f"{machine} {took}", tuple(tables), keeps_others=bool(options.only))


def _list_measurements(
    folder: Path, scale: Scale, options: argparse.Namespace
) -> Iterator[Callable[[], tuple[Table, ...]]]:
    asked = set(options.only or _NAMES)
    named: dict[str, Callable[[], Table]] = {
        "polls": lambda: tabulate_comparisons(
            "Unchanged polls, beside a bare aiohttp GET loop",
            "poll",
            asyncio.run(measure_polls(folder, scale.effort, scale.concurrencies)),
            "Goal: a ratio of 1.4 at the most; aim: 1.1.",
        ),
        "deliveries": lambda: tabulate_comparisons(
            "Changes to Slack, beside a bare slack_sdk loop with one session",
            "message",
            asyncio.run(measure_deliveries(folder, scale.load)),
            "Aim: a ratio of 2 at the most; each message is recorded durably before and after.",
        ),
        "digests": lambda: tabulate_digests(asyncio.run(measure_digests(folder, scale.flood))),
        "latency": lambda: tabulate_latency(asyncio.run(measure_latency(folder, scale.changes))),
        "start": lambda: tabulate_start(measure_start(folder, scale.starts)),
        "memory": lambda: tabulate_memory(measure_memory(folder, scale.connections)),
        "growth": lambda: _grow(scale, is_long=options.long, is_kept=options.write),
        "walk": lambda: tabulate_walk(*measure_walk(scale.walked)),
        "large-start": lambda: tabulate_large_start(
            measure_large_start(folder, scale.grown[-1], LARGE_STARTS)
        ),
    }
    yield from (partial(_alone, measure) for name, measure in named.items() if name in asked)
    if "workers" in asked:
        yield lambda: _employ(folder, scale.shift, options.figures)
    if options.imports:
        yield lambda: (tabulate_imports(measure_imports()),)


def _alone(measure: Callable[[], Table]) -> tuple[Table, ...]:
    return (measure(),)


def _employ(folder: Path, shift: Shift, figures: Path | None) -> tuple[Table, ...]:
    found, cores = measure_workers(folder, shift), os.cpu_count() or 1
    if figures is not None:
        write_json(figures, gather_figures(describe_machine(), found, cores))
    return tabulate_workers(found, cores)


def _grow(scale: Scale, *, is_long: bool, is_kept: bool) -> Table:
    found = measure_growth((*scale.grown, *((LONG_GROWTH,) if is_long else ())), GROWTH_TURNS)
    if is_kept:
        PATH.write_text(draw_growth(found), "utf-8")
        write_alternative(PATH.name, describe_growth(found))
    return tabulate_growth(found)


_NAMES: Final = (
    "polls",
    "deliveries",
    "digests",
    "latency",
    "start",
    "memory",
    "growth",
    "walk",
    "large-start",
    "workers",
)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in a minute or two, and less exact")
    parser.add_argument(
        "--write",
        action="store_true",
        help="put the figures into docs/performance.md (with --only, these alone)",
    )
    parser.add_argument("--long", action="store_true", help="grow to 400,000 connections")
    parser.add_argument("--imports", action="store_true", help="show also what is imported longest")
    parser.add_argument(
        "--figures", type=Path, help="write what was measured of workers, for `python -m benchmarks.scaling`"
    )
    parser.add_argument("--only", action="append", choices=_NAMES, help="measure only this (may be repeated)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
