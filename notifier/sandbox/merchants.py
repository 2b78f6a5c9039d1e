"""Merchants who live through their signups on a fast clock.

`steps(seed)` is a pure plan: what happens when, always the same for the same seed. `play`
carries it out on an `AccountBook`. The first merchants are a fixed cast that shows every
kind of life within the first minute; those that follow are drawn from the seed.
"""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from notifier.sandbox.account_book import INVENTED, AccountBook
from notifier.sandbox.account_shapes import SIGNUP_LIFETIME
from notifier.sandbox.shop_names import CAST_NAMES, EVIL_DESCRIPTION, EVIL_LINK, readable, shop_name

ARRIVALS_SECONDS = 4.0
"""How far apart merchants arrive at speed 1, on average."""


Choice = TypeVar("Choice")


class Does(StrEnum):
    """What can happen to a merchant."""

    ARRIVES = "arrives"
    APPLIES = "applies"
    IS_ASKED_TO_SIGN = "is asked to sign"
    GETS_ANOTHER_LINK = "gets another link"
    SIGNS = "signs"
    LETS_IT_EXPIRE = "lets it expire"
    IS_DECLINED = "is declined"
    FAILS = "fails"
    APPLIES_AGAIN = "applies again"


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant: an account with one connection that it applies for.

    Attributes:
        account_id: `P…`, or `T…` for a test account.
        business_name: as people know it.
        country: `NO`, `SE` or `DK`.
        connection: what it applies for, such as `vipps` or `payex/creditcard`.
        description: what the event of the signature says; None for an ordinary sentence.
        link: the signature link; None for an ordinary one.
        lifetime_seconds: how long its signup lives; None for Dintero's ordinary time.
    """

    account_id: str
    business_name: str
    country: str
    connection: str
    description: str | None = None
    link: str | None = None
    lifetime_seconds: float | None = None


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """What a merchant does, and how many seconds after the start at speed 1.

    Steps order by time; `sequence` keeps those of the same time in the order of the plan.
    """

    offset_seconds: float
    sequence: int
    does: Does = field(compare=False)
    merchant: Merchant = field(compare=False)


Life = tuple[tuple[float, Does], ...]
"""What a merchant does and how many seconds after it arrived."""

_START = ((0.0, Does.ARRIVES), (0.5, Does.APPLIES), (2.5, Does.IS_ASKED_TO_SIGN))
_AGAIN = ((15.0, Does.APPLIES_AGAIN), (17.0, Does.IS_ASKED_TO_SIGN), (26.0, Does.SIGNS))
SIGNS: Life = (*_START, (14.0, Does.SIGNS))
GETS_ANOTHER_LINK: Life = (*_START, (9.0, Does.GETS_ANOTHER_LINK), (20.0, Does.SIGNS))
EXPIRES: Life = (*_START, (19.0, Does.LETS_IT_EXPIRE))
IS_DECLINED: Life = (*_START, (11.0, Does.IS_DECLINED))
FAILS: Life = (*_START, (8.0, Does.FAILS))
TRIES_AGAIN: Life = (*_START, (8.0, Does.FAILS), *_AGAIN)
WAITS: Life = _START
EXPIRY_SECONDS = 18.0

LIVES: tuple[tuple[Life, int], ...] = (
    (SIGNS, 52),
    (GETS_ANOTHER_LINK, 10),
    (EXPIRES, 8),
    (IS_DECLINED, 9),
    (FAILS, 7),
    (TRIES_AGAIN, 8),
    (WAITS, 6),
)
"""Kinds of lives with their weights among the drawn merchants."""

CONNECTIONS: tuple[tuple[str, int], ...] = (
    ("vipps", 50),
    ("swish", 12),
    ("bambora", 8),
    ("collector", 6),
    ("payex/creditcard", 10),
    ("klarna", 8),
    ("seitatech", 6),
)


def cast() -> tuple[tuple[Merchant, Life], ...]:
    """Return the first merchants: one for every kind of life, and three that mean trouble."""
    sport, coffee, flowers, rye, carpenter, evil, cod, cabins, buckthorn, furniture = CAST_NAMES
    return (
        (Merchant("P20000001", sport, "NO", "vipps"), SIGNS),
        (Merchant("P20000002", coffee, "NO", "vipps"), GETS_ANOTHER_LINK),
        (Merchant("P20000003", flowers, "SE", "swish"), IS_DECLINED),
        (Merchant("P20000004", rye, "DK", "payex/creditcard"), TRIES_AGAIN),
        (Merchant("T20000005", carpenter, "NO", "vipps"), SIGNS),
        (Merchant("P20000006", evil, "NO", "vipps", description=EVIL_DESCRIPTION), SIGNS),
        (Merchant("P20000007", cod, "NO", "vipps", link=EVIL_LINK), WAITS),
        (Merchant("P20000008", cabins, "NO", "vipps", lifetime_seconds=EXPIRY_SECONDS), EXPIRES),
        (Merchant("P20000009", buckthorn, "DK", "bambora"), FAILS),
        (Merchant("P20000010", furniture, "SE", "klarna"), SIGNS),
    )


def steps(seed: int, merchants: int | None = None) -> Iterator[Step]:
    """Yield what happens, in order of time; without a number of merchants, without end."""
    chance = random.Random(seed)  # noqa: S311 - a plan that can be repeated
    waiting: list[Step] = []
    sequence = 0
    arrives_at = 1.0
    for merchant, life in islice(_merchants(chance), merchants):
        while waiting and waiting[0].offset_seconds <= arrives_at:
            yield heapq.heappop(waiting)
        pace = 1.0 if merchant.lifetime_seconds is not None else chance.uniform(0.8, 1.5)
        for after_seconds, does in life:
            sequence += 1
            offset_seconds = round(arrives_at + after_seconds * pace, 3)
            heapq.heappush(waiting, Step(offset_seconds, sequence, does, merchant))
        arrives_at += chance.uniform(0.5, 1.5) * ARRIVALS_SECONDS
    while waiting:
        yield heapq.heappop(waiting)


async def play(
    plan: Iterable[Step],
    book: AccountBook,
    *,
    speed: float = 1.0,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    tell: Callable[[str], object] = lambda _sentence: None,
    stop: asyncio.Event | None = None,
) -> int:
    """Carry out a plan until it ends, or at once until `stop` is set; return how many steps.

    `tell` is called with one sentence for each step, fit for a terminal. Cancelling the
    call is as clean as `stop`: a step happens wholly or not at all.
    """
    stop = stop or asyncio.Event()
    elapsed_seconds = 0.0
    done = 0
    for step in plan:
        wait_seconds = (step.offset_seconds - elapsed_seconds) / speed
        if wait_seconds > 0:
            await _sleep_unless(stop, sleep(wait_seconds))
        if stop.is_set():
            break
        elapsed_seconds = max(elapsed_seconds, step.offset_seconds)
        perform(step, book, speed=speed)
        tell(sentence(step))
        done += 1
    return done


def perform(step: Step, book: AccountBook, *, speed: float = 1.0) -> None:
    """Do one step in the book; only the lifetime of a signup depends on the speed."""
    merchant = step.merchant
    where = (merchant.account_id, merchant.connection)
    match step.does:
        case Does.ARRIVES:
            book.add_account(where[0], business_name=merchant.business_name, country=merchant.country)
        case Does.APPLIES:
            book.apply(*where, lifetime=_lifetime(merchant, speed))
        case Does.APPLIES_AGAIN:
            book.restart_signup(*where, lifetime=_lifetime(merchant, speed))
        case Does.IS_ASKED_TO_SIGN:
            description = merchant.description or f"{_title(merchant)} awaiting signature"
            book.require_signature(*where, link=merchant.link or INVENTED, description=description)
        case Does.GETS_ANOTHER_LINK:
            book.replace_link(*where)
        case Does.SIGNS:
            book.set_status(*where, "enabled", description=f"{_title(merchant)} enabled")
        case Does.IS_DECLINED:
            book.set_status(*where, "declined", description="Declined after review")
        case Does.FAILS:
            book.set_status(*where, "failed", description="The signup could not be completed")
        case Does.LETS_IT_EXPIRE:
            pass  # Nobody records this: the signup's own time has passed.


def sentence(step: Step) -> str:
    """Return what happens in one line for a terminal."""
    merchant = step.merchant
    name = readable(merchant.business_name)
    kind = " (test account)" if merchant.account_id.startswith("T") else ""
    connection = merchant.connection
    return {
        Does.ARRIVES: f"{name} becomes a merchant, {merchant.account_id}{kind}",
        Does.APPLIES: f"{name} applies for {connection}",
        Does.APPLIES_AGAIN: f"{name} applies for {connection} again",
        Does.IS_ASKED_TO_SIGN: f"{name} is asked to sign for {connection}",
        Does.GETS_ANOTHER_LINK: f"{name} gets another link for {connection}",
        Does.SIGNS: f"{name} signs, {connection} is enabled",
        Does.LETS_IT_EXPIRE: f"{name} has let its signup for {connection} expire",
        Does.IS_DECLINED: f"{name} is declined for {connection}",
        Does.FAILS: f"{name} fails with {connection}",
    }[step.does]


def _merchants(chance: random.Random) -> Iterator[tuple[Merchant, Life]]:
    """Yield the cast, then drawn merchants without end."""
    yield from cast()
    number = len(cast())
    while True:
        number += 1
        country = chance.choices(("NO", "SE", "DK"), (70, 18, 12))[0]
        name = shop_name(chance, country)
        connection = _drawn(chance, CONNECTIONS)
        mode = "T" if chance.random() < 0.08 else "P"  # noqa: PLR2004 - one in twelve
        merchant = Merchant(f"{mode}{20_000_000 + number}", name, country, connection)
        life = _drawn(chance, LIVES)
        if life is EXPIRES:
            merchant = replace(merchant, connection="vipps", lifetime_seconds=EXPIRY_SECONDS)
        yield merchant, life


def _drawn(chance: random.Random, weighted: tuple[tuple[Choice, int], ...]) -> Choice:
    return chance.choices([choice for choice, _ in weighted], [weight for _, weight in weighted])[0]


def _lifetime(merchant: Merchant, speed: float) -> timedelta:
    if merchant.lifetime_seconds is None:
        return SIGNUP_LIFETIME
    return timedelta(seconds=merchant.lifetime_seconds / speed)


def _title(merchant: Merchant) -> str:
    return merchant.connection.partition("/")[0].capitalize()


async def _sleep_unless(stop: asyncio.Event, sleeping: Awaitable[object]) -> None:
    """Wait for the sleep to end or for `stop`, whichever is first."""
    tasks = [asyncio.ensure_future(sleeping), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
