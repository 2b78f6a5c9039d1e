"""What is old is forgotten, a little at a time, and nothing that is forgotten is ever told again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, func, select

from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionKey, ConnectionSnapshot, Signup
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryRejected
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.pruner import BATCH, Pruner
from notifier.service.recorder import Recorder
from notifier.store import tables
from notifier.store.database import Database
from tests.fakes import (
    ACCOUNT,
    VIPPS,
    FakeClock,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)

WHOLE: Final = AccountTarget("dintero", ACCOUNT)
KEEP: Final = timedelta(days=90)


@dataclass
class Run:
    """One run of the program, between doubles."""

    poller: Poller
    dispatcher: Dispatcher
    pruner: Pruner
    source: FakeSource
    sales: FakeReceiver

    async def poll(self) -> None:
        """Read everything once and send what is due."""
        await self.poller.poll(WHOLE)
        await self.dispatcher.drain(0)


Start = Callable[..., Any]


@pytest.fixture
def start(database: Database, clock: FakeClock) -> Start:
    """Give a starter of runs on one store."""

    async def start(source: FakeSource, *errors: Exception) -> Run:
        sales = FakeReceiver("sales", *errors)
        receivers = {"sales": sales}
        courier = Courier(receivers, clock, House(), RetryPolicy(), lambda: 0.5)
        dispatcher = Dispatcher(receivers, database, clock, courier, RetryPolicy())
        directory = Directory({"sales": sales.destination}, {"oncall": "sales"})
        recorder = Recorder(database, clock, Planner(DEFAULT_ROUTES, directory), FirstRun.ALL)
        poller = Poller({"dintero": source}, database, recorder, clock, dispatcher.wake)
        await dispatcher.start()
        await poller.start((WHOLE,))
        return Run(poller, dispatcher, Pruner(database, clock, KEEP), source, sales)

    return start


def _count(database: Database) -> dict[str, int]:
    names = ("outbox", "changes", "events", "cases", "connections", "known_values")

    def job(connection: Connection) -> dict[str, int]:
        counted = {name: select(func.count()).select_from(tables.metadata.tables[name]) for name in names}
        return {name: connection.execute(query).scalar() or 0 for name, query in counted.items()}

    return database.read_now(job)


def _read_words(database: Database) -> list[str]:
    query = select(tables.events.c.description).order_by(tables.events.c.position)
    return database.read_now(lambda connection: list(connection.execute(query).scalars()))


def _describe(connection: ConnectionSnapshot, words: str) -> ConnectionSnapshot:
    return replace(connection, events=tuple(replace(one, description=words) for one in connection.events))


def _age(clock: FakeClock, days: float = 91) -> None:
    clock.advance(timedelta(days=days).total_seconds())


ENDED: Final = _describe(
    make_connection("enabled", make_request(), make_outcome("enabled")), "said by somebody"
)
ANOTHER: Final = replace(make_request(2), name="a_new_word", link=None)


async def test_what_is_forgotten_is_not_told_again(
    database: Database, clock: FakeClock, start: Start
) -> None:
    """Polls and restarts after all was forgotten find the same events at Dintero, and tell none of them."""
    odd = make_connection("pending", ANOTHER, key=ConnectionKey(ACCOUNT, "swish"), signup_id="signup-2")
    run = await start(FakeSource(make_account(ENDED, odd)))
    await run.poll()
    told = len(run.sales.taken)
    assert told >= 3
    _age(clock)
    await run.pruner.tend()
    left = _count(database)
    assert (left["outbox"], left["changes"]) == (0, 0)
    assert (left["events"], left["connections"]) == (3, 2)
    for _ in range(2):
        run = await start(run.source)
        await run.poll()
        assert run.sales.taken == []
    assert _count(database) == left


async def test_what_vanishes_and_comes_back_is_not_told_again(
    database: Database, clock: FakeClock, start: Start
) -> None:
    """An event that Dintero leaves out for longer than anything is kept is still known when it is back."""
    run = await start(FakeSource(make_account(ENDED)))
    await run.poll()
    told = len(run.sales.taken)
    run.source.show(make_account(replace(ENDED, events=())))
    await run.poll()
    _age(clock)
    await run.pruner.tend()
    run.source.show(make_account(ENDED))
    await run.poll()
    assert len(run.sales.taken) == told


async def test_a_connection_that_comes_back_tells_nothing_old(
    database: Database, clock: FakeClock, start: Start
) -> None:
    """One that was gone for longer than anything is kept is told to be back, and its old events are not."""
    run = await start(FakeSource(make_account(ENDED)))
    await run.poll()
    run.source.show(make_account())
    await run.poll()
    told = len(run.sales.taken)
    _age(clock)
    await run.pruner.tend()
    run.source.show(make_account(ENDED))
    await run.poll()
    assert [message.topic for message in run.sales.taken[told:]] == ["returned"]


async def test_an_earlier_signup_stays_known(database: Database, clock: FakeClock, start: Start) -> None:
    """When the list of signups goes back to one of long ago, it is no new application."""
    run = await start(FakeSource(make_account(ENDED)))
    await run.poll()
    signup = Signup("signup-2", clock.now(), clock.now() + timedelta(days=14))
    run.source.show(make_account(replace(ENDED, status="pending", signups=(signup,))))
    await run.poll()
    told = len(run.sales.taken)
    _age(clock)
    await run.pruner.tend()
    run.source.show(make_account(replace(ENDED, status="pending")))
    await run.poll()
    assert len(run.sales.taken) == told


async def test_what_is_not_over_is_kept(database: Database, clock: FakeClock, start: Start) -> None:
    """Words about a case that still goes on stay, and so does everything that is not old."""
    open_one = _describe(make_connection("pending", make_request()), "still of use")
    run = await start(FakeSource(make_account(open_one)))
    await run.poll()
    before = _count(database)
    _age(clock, days=89)
    await run.pruner.tend()
    assert _count(database) == before
    _age(clock, days=2)
    await run.pruner.tend()
    assert _read_words(database) == ["still of use"]
    assert _count(database)["outbox"] == 0


async def test_words_about_what_is_over_are_forgotten(
    database: Database, clock: FakeClock, start: Start
) -> None:
    """What somebody typed about an application goes when it is over and old; the event itself stays."""
    run = await start(FakeSource(make_account(ENDED)))
    await run.poll()
    await run.pruner.tend()
    assert _read_words(database) == ["said by somebody"] * 2
    _age(clock)
    await run.pruner.tend()
    assert _read_words(database) == ["", ""]


async def test_what_waits_for_somebody_is_kept(database: Database, clock: FakeClock, start: Start) -> None:
    """A dead letter stays, with all that is needed to send it, until somebody has decided about it."""
    refusals = [DeliveryRejected("no", code="no", scope="message")] * 2
    run = await start(FakeSource(make_account(make_connection("pending", make_request()))), *refusals)
    for _ in range(2):
        await run.dispatcher.drain(0)
        await run.poll()
    _age(clock, days=400)
    await run.pruner.tend()
    now = clock.now()
    retried = await database.run(lambda books: books.outbox.retry(None, now))
    assert retried == 1
    await run.dispatcher.drain(0)
    assert run.sales.taken[-1].merchant == "Fjordbris Sport AS"


async def test_what_is_still_to_be_sent_is_kept(database: Database, clock: FakeClock, start: Start) -> None:
    """A message that waits for its receiver for longer than anything is kept arrives all the same."""
    run = await start(FakeSource(make_account(ENDED)), *[DeliveryRejected("no", scope="receiver")] * 5)
    await run.poll()
    _age(clock)
    await run.pruner.tend()
    assert _read_words(database) == ["said by somebody"] * 2
    for _ in range(20):
        clock.advance(3600)
        await run.dispatcher.drain(0)
    assert len(run.sales.taken) >= 2


async def test_it_is_done_a_little_at_a_time(database: Database, clock: FakeClock, start: Start) -> None:
    """However much there is, one transaction forgets no more than a batch, and the space is used again."""
    await start(FakeSource(make_account()))
    _fill(database, clock.now(), 0)
    pages = _count_pages(database)
    _age(clock)
    batches: list[int] = []

    class Counting:
        async def run(self, job: Callable[[Any], Any]) -> Any:
            found = await database.run(job)
            if isinstance(found, int):
                batches.append(found)
            await asyncio.sleep(0)
            return found

    await Pruner(Counting(), clock, KEEP).tend()
    assert max(batches) <= 2 * BATCH
    assert sum(batches) == 2 * 1500
    _fill(database, clock.now(), 1)
    assert _count_pages(database) <= pages * 1.1


def _fill(database: Database, at: datetime, generation: int) -> None:
    """Put many settled messages and their changes into the store."""
    ids = [f"{generation} {number:06}" for number in range(1500)]
    change = {
        "topic": "applied",
        "account_id": ACCOUNT,
        "name": VIPPS.name,
        "case_id": "c",
        "seen_at": at,
        "reason": "new_event",
        "is_told": True,
        "outcome": "planned",
        "detail": "",
    }
    message = {
        "case_id": "c",
        "receiver": "sales",
        "destination": "there",
        "topic": "applied",
        "state": "delivered",
        "attempts": 1,
        "is_repeat": False,
        "is_plain": False,
        "created_at": at,
        "next_attempt_at": at,
        "settled_at": at,
        "channel": "C1",
        "message_ref": "1.0",
        "error_code": "",
        "error": "",
    }

    def job(books: Any) -> None:
        run = books._connection.execute
        run(tables.changes.insert(), [{"change_id": one, **change} for one in ids])
        run(tables.outbox.insert(), [{"notification_id": one, "change_id": one, **message} for one in ids])

    database.run_now(job)


def _count_pages(database: Database) -> int:
    return database.read_now(lambda one: int(one.exec_driver_sql("PRAGMA page_count").scalar() or 0))
