"""Many connections, and a large partner: each measured in a process of its own, after everything is known."""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Final, TypeVar

import msgspec

from benchmarks.alternating import Spread, Work
from benchmarks.bare import open_bare
from benchmarks.growing import CONCURRENCY, TURN_SECONDS, Lap, Settled
from benchmarks.known import fill_store
from benchmarks.outside import Outside
from benchmarks.pages import CannedPartner
from benchmarks.parts import SOURCE
from benchmarks.population import NAMES, list_account_ids
from benchmarks.program import run_program, write_list
from benchmarks.walking import WALK_NAMES, Walking

PATIENCE_SECONDS: Final = 600.0
START_SECONDS: Final = 60.0

YARDSTICK: Final = 500
"""So many connections the bare loop reads, again and again."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Turn:
    """A lap of the engine, and one of the bare loop beside it."""

    ours: Lap
    bare: Lap

    @property
    def ratio(self) -> float:
        """CPU of the engine for each poll by that of the bare loop."""
        return find_micros(self.ours) / find_micros(self.bare)


@dataclass(frozen=True, slots=True)
class Growing:
    """What watching so many connections takes; `resident_bytes` is measured after the first round."""

    connections: int
    resident_bytes: int
    turns: tuple[Turn, ...]

    @property
    def polls(self) -> int:
        """How many polls were measured."""
        return sum(turn.ours.polls for turn in self.turns)

    @property
    def ratio(self) -> Spread:
        """CPU of the engine for each poll by that of the bare loop, turn by turn."""
        return Spread.of([turn.ratio for turn in self.turns])

    @property
    def micros(self) -> float:
        """CPU of the engine for each poll, in microseconds: the median of its turns."""
        return Spread.of([find_micros(turn.ours) for turn in self.turns]).median

    @property
    def bare_micros(self) -> float:
        """The same of the bare loop."""
        return Spread.of([find_micros(turn.bare) for turn in self.turns]).median


def find_micros(lap: Lap) -> float:
    """Return the CPU time for each poll of a lap, in microseconds."""
    return lap.cpu_seconds / lap.polls * 1e6


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
        return tuple(asyncio.run(_grow(base_url, size, turns, body)) for size in sizes)


async def _grow(base_url: str, connections: int, turns: int, body: bytes) -> Growing:
    """Let an engine in a process of its own take turns with a bare loop in this one.

    The bare loop is the yardstick: the machine may be a slower one a second later. It is out here, on the
    same core, because what grows must not grow around it. The first turns do not count.
    """
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everywhere)})
    try:
        return await _take_turns(base_url, connections, turns, body)
    finally:
        os.sched_setaffinity(0, everywhere)


async def _take_turns(base_url: str, connections: int, turns: int, body: bytes) -> Growing:
    command = [sys.executable, "-m", "benchmarks.growing", base_url, str(connections)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            open_bare(base_url, min(YARDSTICK, connections), TURN_SECONDS, CONCURRENCY) as bare,
        ):
            settled = await _ask(process, body, Settled)
            _, *taken = [
                Turn(await _ask(process, b"poll", Lap), await _take_turn(bare)) for _ in range(turns + 1)
            ]
            await process.communicate(b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError("the engine found something, or could not read it")
    return Growing(settled.connections, settled.resident_bytes, tuple(taken))


async def _ask(process: Process, line: bytes, kind: type[_T]) -> _T:
    """Send a line to the engine's process, and return what it answers."""
    if process.stdin is None or process.stdout is None:
        raise TypeError("a process without pipes")
    process.stdin.write(line + b"\n")
    return msgspec.json.decode(await process.stdout.readline(), type=kind)


async def _take_turn(bare: Work) -> Lap:
    cpu_seconds = process_time()
    polls = await bare()
    return Lap(polls, process_time() - cpu_seconds)


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


def _run(module: str, kind: type[_T], *arguments: str) -> _T:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return msgspec.json.decode(done.stdout, type=kind)
