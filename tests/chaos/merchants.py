"""Merchants with a life drawn from a seed: what each does, when, and what has to be told before.

A step that would hide an earlier one from a program that was dead meanwhile (a list of events that is cut
off, a link that is replaced, a connection that is removed) waits until the earlier one stands in Slack: what
nobody could have seen, nobody can tell. All others come whether or not anybody was looking.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.chaos.ledger import Ledger
from tests.chaos.world import NAMED_ACCOUNTS, NAMED_CONNECTIONS, World, until

EVENTS_SHOWN: Final = 2
"""Dintero never shows fewer than so many of a connection's newest events."""

_NEW_SIGNUP_SECONDS: Final = 1.3
"""Instants are compared to the second: an event that old belongs to the signup before."""
_PATIENCE_SECONDS: Final = 600.0


class Does(StrEnum):
    """What can happen to a connection."""

    ASKS = "is asked to sign"
    ASKS_NAMELESS = "is asked to sign, by an event without an id"
    LINKS = "gets another link"
    SIGNS = "signs"
    FAILS = "fails"
    IS_DECLINED = "is declined"
    FAILS_SILENTLY = "fails without an event"
    SIGNS_SILENTLY = "is enabled without an event"
    RESTARTS = "applies again"
    VANISHES = "is removed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how long after the one before, and whether that must have been told first."""

    does: Does
    seconds: float
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Merchant:
    """A connection of an account, the second of its arrival, and its life."""

    account_id: str
    connection: str
    arrives_at: float
    steps: tuple[Step, ...]


_LIVES: Final[tuple[tuple[tuple[Does, ...], int], ...]] = (
    ((Does.ASKS, Does.SIGNS), 24),
    ((Does.ASKS_NAMELESS, Does.SIGNS), 8),
    ((Does.ASKS, Does.FAILS), 12),
    ((Does.ASKS, Does.IS_DECLINED), 10),
    ((Does.SIGNS,), 4),
    ((Does.ASKS, Does.LINKS, Does.SIGNS), 10),
    ((Does.ASKS, Does.LINKS, Does.LINKS, Does.FAILS), 4),
    ((Does.ASKS, Does.FAILS, Does.RESTARTS, Does.ASKS, Does.SIGNS), 10),
    ((Does.ASKS, Does.ASKS, Does.ASKS, Does.SIGNS), 6),
    ((Does.ASKS, Does.FAILS_SILENTLY), 5),
    ((Does.ASKS, Does.SIGNS_SILENTLY), 5),
    ((Does.ASKS, Does.VANISHES), 12),
    ((Does.ASKS,), 4),
)
_CONNECTIONS: Final = ("vipps", "swish", "klarna", "bambora", "payex/creditcard", "payex/swish")
_STATUSES: Final = {
    Does.SIGNS: "enabled",
    Does.SIGNS_SILENTLY: "enabled",
    Does.FAILS: "failed",
    Does.FAILS_SILENTLY: "failed",
    Does.IS_DECLINED: "declined",
}
_HIDES: Final = frozenset({Does.LINKS, Does.VANISHES})
_RECORDS: Final = frozenset({Does.ASKS, Does.ASKS_NAMELESS, Does.SIGNS, Does.FAILS, Does.IS_DECLINED})


def draw_merchants(seed: str, seconds: float, per_second: float) -> list[Merchant]:
    """Return the merchants who arrive within some seconds, in order; the first have the named accounts."""
    chance = random.Random(f"merchants {seed}")  # noqa: S311 - a plan that can be repeated
    places = _draw_places(chance)
    merchants: list[Merchant] = []
    arrives_at = 0.0
    while arrives_at < seconds:
        account_id, connection = next(places)
        life = chance.choices([life for life, _ in _LIVES], [weight for _, weight in _LIVES])[0]
        merchants.append(Merchant(account_id, connection, arrives_at, tuple(_draw_steps(chance, life))))
        arrives_at += chance.expovariate(per_second)
    return merchants


def _draw_places(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield accounts with one to three connections each, without end."""
    yield from ((account_id, "vipps") for account_id in (*NAMED_CONNECTIONS, *NAMED_ACCOUNTS))
    number = 20_000_000
    while True:
        number += 1
        mode = "T" if chance.random() < 0.1 else "P"
        for connection in chance.sample(_CONNECTIONS, chance.choice((1, 1, 2, 3))):
            yield f"{mode}{number}", connection


def _draw_steps(chance: random.Random, life: tuple[Does, ...]) -> Iterator[Step]:
    recorded = 0
    before: Does | None = None
    for does in life:
        recorded += does in _RECORDS
        waits = does in _HIDES or before in _HIDES or (does in _RECORDS and recorded > EVENTS_SHOWN)
        seconds = chance.expovariate(1.2)
        if does is Does.RESTARTS:
            seconds += _NEW_SIGNUP_SECONDS
        yield Step(does, round(seconds, 3), waits)
        before = does


async def live(merchant: Merchant, world: World, ledger: Ledger, stopping: asyncio.Event) -> None:
    """Live a merchant's life, until it ends or nobody lives on."""
    dintero, where = world.dintero, (merchant.account_id, merchant.connection)
    if await _pass(merchant.arrives_at, stopping):
        return
    if merchant.account_id not in dintero.account_ids():
        dintero.add_account(merchant.account_id, business_name=f"Shop {merchant.account_id}")
    dintero.apply(*where)
    for step in merchant.steps:
        if await _pass(step.seconds, stopping):
            return
        if step.waits:
            wanted = Counter(ledger.list_due_for(*where))
            await until(lambda: stopping.is_set() or wanted <= world.board.read(), _PATIENCE_SECONDS)  # noqa: B023
        if stopping.is_set():
            return
        perform(step.does, world, ledger, *where)
    if Does.VANISHES not in {step.does for step in merchant.steps}:
        ledger.resting.append(where)


def remove_one(world: World, ledger: Ledger) -> None:
    """Remove a connection of which all has been told, if there is one: its absence will be confirmed."""
    found = world.board.read()
    for where in ledger.resting:
        if Counter(ledger.list_due_for(*where)) <= found:
            ledger.resting.remove(where)
            perform(Does.VANISHES, world, ledger, *where)
            return


async def _pass(seconds: float, stopping: asyncio.Event) -> bool:
    """Let time go by; say whether nobody lives on."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()


def perform(does: Does, world: World, ledger: Ledger, account_id: str, connection: str) -> None:
    """Do one thing at Dintero, and note what its own truth will not hold."""
    dintero, where = world.dintero, (account_id, connection)
    match does:
        case Does.ASKS:
            dintero.require_signature(*where)
        case Does.ASKS_NAMELESS:
            dintero.require_signature(*where, event_id=None)
        case Does.LINKS:
            dintero.replace_link(*where)
            asked = [event for event in dintero.truth() if (event.account_id, event.connection) == where]
            ledger.note(*where, "link_replaced", asked[-1].event_id or "")
        case Does.SIGNS | Does.FAILS | Does.IS_DECLINED:
            dintero.set_status(*where, _STATUSES[does])
        case Does.FAILS_SILENTLY | Does.SIGNS_SILENTLY:
            dintero.set_status(*where, _STATUSES[does], with_event=False)
            ledger.note(*where, "status_changed", status=_STATUSES[does])
        case Does.RESTARTS:
            dintero.restart_signup(*where)
        case Does.VANISHES:
            dintero.remove_connection(*where)
            ledger.note(*where, "withdrawn")
