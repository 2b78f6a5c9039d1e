"""Runs the program under constant churn with faults, and says whether anything grows.

    python -m tests.soak --minutes 5

The picture goes to build/soak.svg. The exit code is 1 when something grows beyond its bound, a message stands
twice, or the program does not end well.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.soak.curve import draw
from tests.soak.sampling import Sample
from tests.soak.stage import Stage, open_stage
from tests.soak.verdict import judge

PICTURE: Final = Path("build/soak.svg")
MOST_SAMPLES: Final = 150
SHORTEST_INTERVAL_SECONDS: Final = 0.5
SPEED: Final = 16.0
"""So fast that in the first half of five minutes the database outgrows SQLite's page cache (2,000 KiB of it).

Up to then the memory grows with the file, and in the half that is judged that would look like a leak.
"""


@dataclass(frozen=True)
class Outcome:
    """What a soak came to; `exit_code` is the program's own."""

    samples: tuple[Sample, ...]
    doubled: int
    exit_code: int | None
    faults: str
    log: str


def main() -> int:
    """Soak for some minutes, draw the curve and give the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0, metavar="N", help="how long (default: 5)")
    parser.add_argument("--speed", type=float, default=SPEED, metavar="X", help="how fast merchants live")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), metavar="N", help="to repeat a run"
    )
    parser.add_argument("--picture", type=Path, default=PICTURE, metavar="FILE", help="where the curve goes")
    options = parser.parse_args()
    _say(f"seed {options.seed}, {options.minutes:g} minutes, speed {options.speed:g}")
    outcome = asyncio.run(soak(options.minutes * 60, options.seed, options.speed))
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    title = f"Soak: {options.minutes:g} minutes, {outcome.samples[-1].told:,} notifications, {outcome.faults}"
    options.picture.write_text(draw(outcome.samples, title), "utf-8")
    _say(f"the curve is in {options.picture}")
    return report(outcome)


async def soak(seconds: float, seed: int, speed: float) -> Outcome:
    """Let the program live for so long, and sample it all the while."""
    with tempfile.TemporaryDirectory(prefix="notifier-soak-") as name:
        async with open_stage(Path(name), seed, speed) as stage:
            samples = await _sample(stage, seconds)
        return Outcome(
            samples,
            stage.count_doubled(),
            stage.process.returncode,
            stage.describe_faults(),
            stage.log.read_text("utf-8", "replace"),
        )


async def _sample(stage: Stage, seconds: float) -> tuple[Sample, ...]:
    loop = asyncio.get_running_loop()
    interval = max(SHORTEST_INTERVAL_SECONDS, seconds / MOST_SAMPLES)
    samples: list[Sample] = []
    end = loop.time() + seconds
    while loop.time() < end or len(samples) < 2:
        samples.append(await stage.sampler.take())
        await asyncio.sleep(interval)
    return tuple(samples)


def report(outcome: Outcome) -> int:
    """Print the table and the verdict; return the exit code."""
    verdicts = judge(outcome.samples)
    _say(f"{'measure':<36} {'start':>10} {'middle':>10} {'end':>10} {'slope':>10} {'bound':>8}")
    for one in verdicts:
        values = "".join(f" {value:>10,.4g}" for value in (one.first, one.middle, one.last, one.slope))
        _say(f"{one.name:<36}{values} {one.bound:>8g}  {'flat' if one.is_flat else 'GROWING'}")
    last = outcome.samples[-1]
    _say(f"told {last.told:,}, posts {last.posts:,}, doubled {outcome.doubled}; {outcome.faults}")
    growing = [one.name for one in verdicts if not one.is_flat]
    if outcome.exit_code:
        _say(f"the program ended with {outcome.exit_code}; it said: {outcome.log[-2_000:]}")
    _say(f"growing: {', '.join(growing)}" if growing else "nothing grows")
    return int(bool(growing or outcome.doubled or outcome.exit_code))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
