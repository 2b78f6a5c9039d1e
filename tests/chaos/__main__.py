"""The proof: kill the program again and again between a Dintero and a Slack that misbehave, and count.

    python -m tests.chaos --kills 500 --seconds 600 --seed 7
    python -m tests.chaos --engine postgres --workers 4

The merchants, the faults and the kills come from the seed; what falls between what depends on the machine.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import monotonic, time

from notifier.domain.waypoints import Waypoint
from tests.chaos.broken import VARIANTS
from tests.chaos.crowd import rage_together
from tests.chaos.nursery import Nursery
from tests.chaos.storm import Outcome, rage
from tests.postgres import Cluster

_KILLS_PER_STORM = 50


def main(arguments: Sequence[str]) -> int:
    """Run the storms, print the table, and return 1 if the promise was broken."""
    options = _make_parser().parse_args(arguments)
    # Clients that are killed while they are answered are what this is about.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="notifier-chaos-"))
    _say(f"seed {options.seed}: {options.kills} kills, variant {options.variant}")
    began = monotonic()
    outcome = asyncio.run(_rage_all(options, folder))
    _say(draw_table(outcome, options.seed, monotonic() - began))
    if outcome.is_kept and options.variant == "none":
        shutil.rmtree(folder)
    else:
        _say(f"The stores and the logs are in {folder}.")
    return 0 if outcome.is_kept else 1


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how often the program is killed")
    parser.add_argument("--seconds", type=float, default=600.0, help="after that no new storm begins")
    parser.add_argument("--seed", default=str(int(time())), help="what everything is drawn from")
    parser.add_argument(
        "--engine", choices=("sqlite", "postgres"), default="sqlite", help="which engine runs"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many workers share a PostgreSQL")
    parser.add_argument("--variant", choices=("none", *VARIANTS), default="none", help="break the program")
    parser.add_argument("--storms", type=int, default=4, help="how many storms rage at the same time")
    return parser


async def _rage_all(options: argparse.Namespace, folder: Path) -> Outcome:
    """Share the kills among storms, some of which rage at the same time."""
    total = Outcome()
    variant = "" if options.variant == "none" else options.variant
    count = max(1, round(options.kills / _KILLS_PER_STORM))
    shares = [options.kills // count + (number < options.kills % count) for number in range(count)]
    waiting = iter(enumerate(shares))
    end = monotonic() + options.seconds

    async def work(nursery: Nursery, cluster: Cluster | None) -> None:
        for number, kills in waiting:
            left = end - monotonic()
            if left <= 0:
                return
            place = folder / str(number)
            place.mkdir()
            seed = f"{options.seed}/{number}"
            if cluster is None:
                outcome = await rage(seed, kills, nursery, place, variant=variant, seconds=left)
            else:
                outcome = await rage_together(
                    *(seed, kills, nursery, place, cluster, options.workers), variant=variant, seconds=left
                )
            _say(_draw_line(seed, outcome))
            total.add(outcome)

    # A database that is restarted is restarted for all that are in its cluster.
    abreast = 1 if options.engine == "postgres" else min(options.storms, count)
    with Cluster(folder / "postgres") if options.engine == "postgres" else nullcontext() as cluster:
        async with Nursery() as nursery, asyncio.TaskGroup() as tasks:
            for _ in range(abreast):
                tasks.create_task(work(nursery, cluster))
    return total


def _draw_line(seed: str, outcome: Outcome) -> str:
    found = outcome.comparison
    return (
        f"  storm {seed}: {outcome.killed} kills, {outcome.due} messages due, {outcome.messages} there; "
        f"lost {len(found.lost)}, doubled {len(found.doubled)}, invented {len(found.invented)}, "
        f"out of order {len(found.disordered)}; {outcome.seconds:.0f} s"
    )


def draw_table(outcome: Outcome, seed: str, seconds: float) -> str:
    """Return what a run came to, for people."""
    found = outcome.comparison
    points = {str(point): outcome.kills.get(point, 0) for point in Waypoint}
    points |= {name: count for name, count in outcome.kills.items() if name not in points}
    lines = [
        "",
        *_draw_counts("kills", points),
        *_draw_counts("faults", outcome.faults),
        *_draw_counts("ends", outcome.ends),
        f"seed          {seed}",
        f"time          {seconds:.0f} s, {60 * outcome.killed / max(seconds, 1):.0f} kills a minute",
        f"kills         {outcome.killed}",
        f"faults        {sum(outcome.faults.values())}",
        f"events        {outcome.events} at Dintero",
        f"messages      {outcome.due} due, {outcome.messages} there",
        f"in doubt      {outcome.adopted} found where they had been sent, {outcome.resent} sent again",
        f"stuck         {outcome.stuck}",
        f"undelivered   {outcome.dead}",
        f"lost          {len(found.lost)}",
        f"doubled       {len(found.doubled)}",
        f"invented      {len(found.invented)}",
        f"out of order  {len(found.disordered)}",
    ]
    for name in ("lost", "doubled", "invented", "disordered"):
        lines += [f"  {name}: {mark}" for mark in getattr(found, name)[:20]]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _draw_counts(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {name:<24}{counts[name]:>6}" for name in sorted(counts)), ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
