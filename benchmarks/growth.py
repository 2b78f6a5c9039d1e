"""Many connections, and a large partner: each measured in a process of its own, after everything is known."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeVar

import msgspec

from benchmarks.alternating import Spread
from benchmarks.growing import Growing
from benchmarks.known import fill_store
from benchmarks.outside import Outside
from benchmarks.pages import CannedPartner
from benchmarks.parts import SOURCE
from benchmarks.population import NAMES, list_account_ids
from benchmarks.program import run_program, write_list
from benchmarks.walking import WALK_NAMES, Walking

PATIENCE_SECONDS: Final = 600.0
START_SECONDS: Final = 60.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LargeStart:
    """From `exec` to the first poll with so many known connections, and the CPU time by then."""

    connections: int
    poll: Spread
    cpu: Spread


def measure_growth(sizes: tuple[int, ...], turns: int) -> tuple[Growing, ...]:
    """Poll each number of connections (multiples of five) in so many turns."""
    with Outside(CannedPartner) as dintero:
        dintero.do(CannedPartner.fill, 1, NAMES)
        base_url, body = dintero.do(CannedPartner.base_url), dintero.do(CannedPartner.read_connection)
        return tuple(_run("growing", Growing, base_url, str(size), str(turns), given=body) for size in sizes)


def measure_walk(accounts: int) -> tuple[Walking, int]:
    """Walk so many accounts with three connections each; return that with the bytes of one account."""
    with Outside(CannedPartner) as dintero:
        account_bytes = dintero.do(CannedPartner.fill, accounts, WALK_NAMES)
        base_url = dintero.do(CannedPartner.base_url)
        return _run("walking", Walking, base_url, str(accounts)), account_bytes


def measure_large_start(folder: Path, connections: int, runs: int) -> LargeStart:
    """Start the real program with so many connections (a multiple of five) in its settings and its store."""
    inner = folder / f"large-{connections}"
    inner.mkdir()
    ids = list_account_ids(connections // len(NAMES))
    fill_store(inner / "notifier.db", len(ids), NAMES, SOURCE)
    settings = f"accounts = {write_list(ids)}\nconnections = {write_list(NAMES)}"
    with Outside(CannedPartner) as dintero:
        dintero.do(CannedPartner.fill, 1, NAMES)
        times = [_time_start(inner, dintero, settings) for _ in range(runs)]
    polls, cpus = zip(*times, strict=True)
    return LargeStart(connections, Spread.of(polls), Spread.of(cpus))


def _time_start(folder: Path, dintero: Outside, settings: str) -> tuple[float, float]:
    dintero.do(CannedPartner.take_first_read_at)
    with run_program(folder, dintero.do(CannedPartner.base_url), dintero=settings) as running:
        until = monotonic() + START_SECONDS
        while monotonic() < until and running.process.poll() is None:
            first_at = dintero.do(CannedPartner.take_first_read_at)
            if first_at is not None:
                return first_at - running.started_at, running.read_cpu_seconds()
            sleep(0.01)
    raise TimeoutError("the program did not start")


def _run(module: str, kind: type[_T], *arguments: str, given: bytes = b"") -> _T:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, input=given, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return msgspec.json.decode(done.stdout, type=kind)
