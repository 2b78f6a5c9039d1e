"""The long form: `python -m tests.fuzz --inputs 200000` on every core, with a table at the end."""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from multiprocessing import get_context
from time import monotonic
from typing import Final

from tests.fuzz.catalogue import BY_NAME, explore_chunk
from tests.fuzz.exploring import Tally

CHUNK_INPUTS: Final = 500


def main() -> int:
    """Feed every target its share, and say what came of it; 1 for a finding, or for too little time."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, metavar="N", help="how many, of all targets")
    parser.add_argument("--seconds", type=float, default=1200, metavar="N", help="the longest that it takes")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), metavar="N", help="to repeat a run"
    )
    parser.add_argument("--target", choices=sorted(BY_NAME), action="append", help="only this one")
    options = parser.parse_args()
    wanted = options.target or list(BY_NAME)
    bounds = f"{options.inputs:,} inputs in at most {options.seconds:g} s"
    _say(f"seed {options.seed}, {bounds}, {os.cpu_count()} cores")
    started_at = monotonic()
    tallies = _feed_all(wanted, options.inputs, options.seed, started_at + options.seconds)
    _print_table(tallies, monotonic() - started_at)
    findings = [finding for tally in tallies.values() for finding in tally.findings]
    for finding in findings:
        _say(f"\n{finding}")
    total = sum(tally.inputs for tally in tallies.values())
    if total < options.inputs and not findings:
        _say(f"the time was over before {options.inputs:,} inputs: give it more --seconds")
    return int(bool(findings) or total < options.inputs)


def _feed_all(names: list[str], inputs: int, seed: int, until: float) -> dict[str, Tally]:
    """Share the work out in chunks, so that every core is busy and the time is kept."""
    tallies = {name: Tally() for name in names}
    told = 0
    chunks = _list_chunks(names, inputs, seed)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        running: dict[Future[Tally], str] = {}
        while True:
            while len(running) < (os.cpu_count() or 1) + 1 and monotonic() < until:
                name, chunk_seed, wanted = next(chunks, ("", 0, 0))
                if not name:
                    break
                if not tallies[name].findings:
                    running[pool.submit(explore_chunk, name, chunk_seed, wanted, until)] = name
            if not running:
                return tallies
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                tallies[running.pop(done)].add(done.result())
            fed = sum(tally.inputs for tally in tallies.values())
            if fed >= told + inputs // 10:
                told = fed
                _say(f"{fed:,} inputs")


def _list_chunks(names: list[str], inputs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """List what is to be done, the targets in turn, so that a run that ends early has fed them all."""
    weights = sum(BY_NAME[name].weight for name in names)
    left = {name: -(-inputs * BY_NAME[name].weight // weights) for name in names}
    for turn in count():
        if not any(left.values()):
            return
        for name in names:
            wanted = min(left[name], CHUNK_INPUTS)
            left[name] -= wanted
            if wanted:
                # So far apart that the seeds of two chunks never meet.
                yield name, (seed * 1_000 + turn) * 1_000, wanted


def _print_table(tallies: dict[str, Tally], seconds: float) -> None:
    _say(f"{'target':<22} {'inputs':>8} {'seconds':>8}  outcomes")
    for name, tally in tallies.items():
        outcomes = ", ".join(f"{kind} {number:,}" for kind, number in tally.outcomes.most_common())
        _say(f"{name:<22} {tally.inputs:>8,} {tally.seconds:>8.1f}  {outcomes}")
    total = sum(tally.inputs for tally in tallies.values())
    found = sum(len(tally.findings) for tally in tallies.values())
    _say(f"{'all':<22} {total:>8,} {seconds:>8.1f}  (wall clock) findings: {found}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
