"""One storm: merchants live, requests fail, the program is killed again and again; then the sun comes out.

What is compared at the end is what Dintero recorded with what stands in Slack.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from notifier.domain.waypoints import Waypoint
from notifier.sandbox import EventLists, Faults
from tests.chaos.ledger import Comparison, Ledger, compare
from tests.chaos.merchants import draw_merchants, live, remove_one
from tests.chaos.nursery import Life, Nursery
from tests.chaos.plan import (
    ASKING,
    POSTING,
    READING,
    Fate,
    Manner,
    draw_fates,
    draw_lists,
    make_weather,
)
from tests.chaos.world import HIDDEN_SECONDS, World, open_world, until

KILLED: Final = -9
STUCK_SECONDS: Final = 20.0
"""A process that was told to end and has not by then never will."""

_LISTS_SECONDS: Final = 1.5
_SECONDS_PER_LIFE: Final = 0.75


@dataclass
class Outcome:
    """What one storm, or several, came to."""

    comparison: Comparison = field(default_factory=Comparison)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    events: int = 0
    due: int = 0
    messages: int = 0
    adopted: int = 0
    resent: int = 0
    stuck: int = 0
    dead: int = 0
    seconds: float = 0.0

    @property
    def killed(self) -> int:
        """How many lives ended by SIGKILL."""
        return sum(self.kills.values())

    def add(self, other: "Outcome") -> None:
        """Add what another storm came to."""
        for name in ("kills", "faults", "ends"):
            getattr(self, name).update(getattr(other, name))
        for name in ("events", "due", "messages", "adopted", "resent", "stuck", "dead"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("lost", "doubled", "invented", "disordered"):
            getattr(self.comparison, name).extend(getattr(other.comparison, name))
        self.seconds += other.seconds

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept, and nothing is left undone."""
        return self.comparison.is_clean and not self.stuck and not self.dead


async def rage(
    seed: str,
    kills: int,
    nursery: Nursery,
    folder: Path,
    *,
    variant: str = "",
    fates: Iterator[Fate] | None = None,
    per_second: float = 1.6,
    seconds: float = 600.0,
) -> Outcome:
    """Let a storm go over a new store until there were so many kills, or so many seconds are over.

    The lives end as the seed wants it, or as `fates` say.
    """
    options = ("--variant", variant) if variant else ()
    began = monotonic()
    outcome = Outcome()
    async with open_world(nursery, folder, *options, hidden_seconds=HIDDEN_SECONDS) as world:
        ledger = Ledger(world.dintero)
        world.dintero.faults = make_weather(f"dintero {seed}", READING)
        world.slack.faults = make_weather(f"slack {seed}", ASKING, POSTING)
        stopping = asyncio.Event()
        plan = draw_merchants(seed, kills * _SECONDS_PER_LIFE, per_second)
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(live(merchant, world, ledger, stopping)) for merchant in plan]
            lives.append(tasks.create_task(shuffle(seed, world, stopping)))
            for fate in fates or draw_fates(seed):
                if outcome.killed >= kills or monotonic() - began > seconds:
                    break
                if fate.point is Waypoint.CONFIRMED:
                    remove_one(world, ledger)
                await suffer(fate, world, outcome)
            stopping.set()
        await _compare(world, ledger, outcome)
    outcome.seconds = monotonic() - began
    return outcome


async def shuffle(seed: str, world: World, stopping: asyncio.Event) -> None:
    """Let Dintero's lists of events misbehave in ways that change."""
    for lists in draw_lists(seed):
        world.dintero.event_lists = lists
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LISTS_SECONDS)
        if stopping.is_set():
            return


async def suffer(fate: Fate, world: World, outcome: Outcome, *options: str) -> None:
    """Live one life to its end; `options` are further ones of `launch.py`."""
    trap = ("--kill", f"{fate.point}:{fate.nth}") if fate.point else ()
    born_at = monotonic()
    life = world.run(*trap, *options)
    if not fate.is_young:
        await until(lambda: life.ended.done() or world.is_asked_since(born_at), STUCK_SECONDS)
    code = await life.wait(fate.seconds)
    if code is None:
        code = await _end(life, fate)
    if code is None:
        outcome.stuck += 1
        code = await life.kill()
    outcome.ends[fate.manner] += 1
    if code == KILLED:
        is_there = fate.point is not None and fate.manner in {Manner.AT_POINT, Manner.IN_SHUTDOWN}
        outcome.kills[_name(fate, is_there=is_there and not life.was_killed)] += 1
    else:
        outcome.ends[f"exit {code}"] += 1


async def _end(life: Life, fate: Fate) -> int | None:
    match fate.manner:
        case Manner.IN_PEACE | Manner.IN_SHUTDOWN:
            life.send(signal.SIGTERM)
            return await life.wait(STUCK_SECONDS)
        case Manner.AFTER_PAUSE:
            life.send(signal.SIGSTOP)
            # It is the time itself that is wanted here: others go on while this process stands still.
            await asyncio.sleep(fate.paused_seconds)
            life.send(signal.SIGCONT)
            code = await life.wait(fate.paused_seconds / 2)
            return await life.kill() if code is None else code
        case _:
            return await life.kill()


def _name(fate: Fate, *, is_there: bool) -> str:
    if is_there and fate.point is not None:
        return str(fate.point)
    return "(after a pause)" if fate.manner is Manner.AFTER_PAUSE else "(at random)"


async def _compare(world: World, ledger: Ledger, outcome: Outcome) -> None:
    """End all faults, let the program finish, and hold what stands in Slack against the truth."""
    clear_up(world, outcome)
    await judge(world, ledger, outcome, await world.settle())


def clear_up(world: World, outcome: Outcome) -> None:
    """End all faults of the world, and count them."""
    for faults in (world.dintero.faults, world.slack.faults):
        outcome.faults.update(dict(_count(faults)))
        faults.clear()
    world.dintero.event_lists = EventLists()


async def judge(world: World, ledger: Ledger, outcome: Outcome, outbox: dict[str, int]) -> None:
    """Hold what stands in Slack against the truth; `outbox` says what the program thinks of it."""
    status = await world.read_status()
    due = ledger.list_due()
    outcome.comparison = compare(due, world.board)
    outcome.events = len(world.dintero.truth())
    outcome.due = len(due)
    outcome.messages = sum(world.board.counts.values())
    outcome.adopted, outcome.resent = status["adopted"], status["resent"]
    # An update that another one has made needless was never to be sent.
    outcome.dead = sum(count for state, count in outbox.items() if state not in {"delivered", "covered"})


def _count(faults: Faults) -> Iterator[tuple[str, int]]:
    yield from sorted(faults.drawn.items())
