"""A storm over several workers that share one PostgreSQL: any of them may be killed, and so may the database.

The same merchants, faults, deaths and comparison as in `storm`; what is different is that others live on.
"""

import asyncio
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from notifier.domain.waypoints import Waypoint
from tests.chaos.ledger import Ledger, compare
from tests.chaos.merchants import draw_merchants, live, remove_one
from tests.chaos.nursery import Life, Nursery
from tests.chaos.plan import ASKING, POSTING, READING, Fate, draw_fates, make_weather
from tests.chaos.storm import STUCK_SECONDS, Outcome, clear_up, judge, shuffle, suffer
from tests.chaos.world import HIDDEN_SECONDS, LOOK_SECONDS, World, open_world, until
from tests.postgres import Cluster

HEARTBEAT_SECONDS: Final = 0.3
"""How often a worker says that it lives."""
STALLED_SECONDS: Final = 1.0
"""After so long without a word a worker counts as gone: less than the longest pause, so at times wrongly."""

_SECONDS_PER_LIFE: Final = 0.75
_BETWEEN_RESTARTS_SECONDS: Final = (4.0, 12.0)
_CALM_SECONDS: Final = 90.0


async def rage_together(
    seed: str,
    kills: int,
    nursery: Nursery,
    folder: Path,
    cluster: Cluster,
    workers: int,
    *,
    variant: str = "",
    per_second: float = 1.6,
    seconds: float = 600.0,
) -> Outcome:
    """Let a storm go over some workers and their database until there were so many kills."""
    options = ("--variant", variant) if variant else ()
    began = monotonic()
    outcome = Outcome()
    settings = {
        "STORE__URL": cluster.make_database(),
        "WORKERS__HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "WORKERS__STALLED_SECONDS": str(STALLED_SECONDS),
        "WORKERS__TICK_SECONDS": "1",
    }
    async with open_world(
        nursery, folder, *options, hidden_seconds=HIDDEN_SECONDS, settings=settings
    ) as world:
        ledger = Ledger(world.dintero)
        world.dintero.faults = make_weather(f"dintero {seed}", READING)
        world.slack.faults = make_weather(f"slack {seed}", ASKING, POSTING)
        stopping = asyncio.Event()
        plan = draw_merchants(seed, kills * _SECONDS_PER_LIFE, per_second)
        end = began + seconds
        async with asyncio.TaskGroup() as tasks:
            for merchant in plan:
                tasks.create_task(live(merchant, world, ledger, stopping))
            tasks.create_task(shuffle(seed, world, stopping))
            tasks.create_task(_shake(seed, cluster, outcome, stopping))
            places = [
                tasks.create_task(_take_turns(fates, world, ledger, outcome, kills, end))
                for fates in (draw_fates(f"{seed}/{number}") for number in range(workers))
            ]
            await asyncio.gather(*places)
            stopping.set()
        clear_up(world, outcome)
        await judge(world, ledger, outcome, await _calm_down(world, ledger, outcome, workers))
    outcome.seconds = monotonic() - began
    return outcome


async def _take_turns(
    fates: Iterator[Fate], world: World, ledger: Ledger, outcome: Outcome, kills: int, end: float
) -> None:
    """Live one life after the other in one worker's place."""
    for fate in fates:
        if outcome.killed >= kills or monotonic() > end:
            return
        if fate.point is Waypoint.CONFIRMED:
            remove_one(world, ledger)
        await suffer(fate, world, outcome)


async def _shake(seed: str, cluster: Cluster, outcome: Outcome, stopping: asyncio.Event) -> None:
    """Restart the database now and then, without a word to those who are connected."""
    chance = random.Random(f"database {seed}")  # noqa: S311 - a plan that can be repeated
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), chance.uniform(*_BETWEEN_RESTARTS_SECONDS))
            return
        await asyncio.to_thread(cluster.restart, is_sudden=True)
        outcome.faults["postgres restarted"] += 1


async def _calm_down(world: World, ledger: Ledger, outcome: Outcome, count: int) -> dict[str, int]:
    """Let as many workers finish in peace as have raged; return what is in the outbox then."""
    world.restore_named()
    crew = [world.run() for _ in range(count)]

    def is_done() -> bool:
        outbox = world.count_outbox()
        is_sent = not outbox.get("due") and not outbox.get("sending")
        return is_sent and not compare(ledger.list_due(), world.board).lost

    if await until(is_done, _CALM_SECONDS):
        # What would stand twice is looked for by then, and has been sent.
        await asyncio.sleep(LOOK_SECONDS)
        await until(is_done, _CALM_SECONDS)
    await asyncio.gather(*(_dismiss(life, outcome) for life in crew))
    return world.count_outbox()


async def _dismiss(life: Life, outcome: Outcome) -> None:
    """Let a worker end in peace."""
    life.send(signal.SIGTERM)
    if await life.wait(STUCK_SECONDS) is None:
        outcome.stuck += 1
        await life.kill()
