"""`python -m benchmarks.peers`: the same work with each program, and tables."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final, TypeVar

from benchmarks.document import write_figures
from benchmarks.machine import describe_machine
from benchmarks.outside import Outside
from benchmarks.peers import alertmanager, changedetection
from benchmarks.peers.notifier import Way, measure_telling, measure_watching
from benchmarks.peers.report import tabulate_busy, tabulate_crashes, tabulate_telling, tabulate_watching
from benchmarks.peers.rivals import Effort, Skipped, Told, Watched
from benchmarks.peers.stage import Stage
from notifier import __version__

PATH: Final = Path(__file__).parents[2] / "docs" / "peers.md"
BEGIN: Final = "<!-- figures: written by `make bench-peers WRITE=1` -->"
FULL: Final = Effort(messages=500, singles=100, crash=200, watches=200, rounds=5, changes=20)
QUICK: Final = Effort(messages=100, singles=10, crash=40, watches=30, rounds=2, changes=3)
WAYS: Final = (Way("webhook", 1), Way("webhook", 10), Way("bot", 1), Way("bot", 10))

_T = TypeVar("_T", Told, Watched)


def main(arguments: list[str]) -> None:
    """Let each program do its work, one after another, and show what came of it."""
    options = _make_parser().parse_args(arguments)
    # A run that is ended from outside must not leave servers and programs behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    effort = QUICK if options.quick else FULL
    machine = f"{describe_machine()}\n\n{describe_peers(options.peers)}"
    print(machine, end="\n\n", flush=True)
    started_at = monotonic()
    with TemporaryDirectory() as name, Outside(Stage) as stage:
        told = tell(Path(name), stage, effort)
        watched = watch(Path(name), stage, effort, options.peers)
    tables = (
        tabulate_telling(told, effort.messages, effort.singles),
        tabulate_crashes(told),
        tabulate_busy(told),
        tabulate_watching(watched),
    )
    for table in tables:
        print(table.draw(), end="\n\n", flush=True)
    print(f"This took {monotonic() - started_at:.0f} s.")
    if options.write:
        write_figures(machine, tables, PATH, begin_mark=BEGIN)


def tell(folder: Path, stage: Outside, effort: Effort) -> list[Told | Skipped]:
    """Let Alertmanager and the notifier tell Slack."""
    found = _attempt(
        alertmanager.NAME,
        alertmanager.find_alertmanager(),
        lambda program: alertmanager.measure_alertmanager(program, folder / "alertmanager", stage, effort),
    )
    ours = [measure_telling(way, folder / f"{way.kind}-{way.channels}", stage, effort) for way in WAYS]
    return [found, *ours]


def watch(folder: Path, stage: Outside, effort: Effort, peers: Path) -> list[Watched | Skipped]:
    """Let changedetection.io and the notifier watch."""
    found = _attempt(
        changedetection.NAME,
        changedetection.find_changedetection(peers),
        lambda program: changedetection.measure_changedetection(program, folder, stage, effort),
    )
    return [found, measure_watching(folder, stage, effort)]


def describe_peers(peers: Path) -> str:
    """Return a sentence: which versions are compared."""
    return (
        f"Alertmanager {_ask_version(shutil.which('prometheus-alertmanager'))}, "
        f"changedetection.io {_ask_package(peers)} with {changedetection.WORKERS} workers, "
        f"dintero-notifier {__version__}; {os.cpu_count()} cores for the programs and the servers."
    )


def _attempt(name: str, program: Path | None, measure: Callable[[Path], _T]) -> _T | Skipped:
    if program is None:
        print(
            f"*** SKIPPED: {name} is not installed (make bench-peers installs it where it can).\n", flush=True
        )
        return Skipped(name, "not installed")
    return measure(program)


def _ask_version(program: str | None) -> str:
    if program is None:
        return "(none)"
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    words = (answer.stdout or answer.stderr).split()
    return words[2] if len(words) > 2 else "(unknown)"


def _ask_package(peers: Path) -> str:
    found = sorted(peers.glob("venv/lib/python*/site-packages/changedetection*.dist-info"))
    return found[0].name.split("-")[1].removesuffix(".dist") if found else "(none)"


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--peers", type=Path, default=Path("build/peers"), help="where install.sh has put them"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, and less exact")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/peers.md")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
