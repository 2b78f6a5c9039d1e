"""Rosters: while settings are changed worker by worker, no message for a new receiver is given up."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from notifier.domain.delivery import Notification
from notifier.domain.retry import RetryPolicy
from notifier.store.opening import AnyStore
from notifier.store.report import read_status
from notifier.workers.drains import Drains
from notifier.workers.lease import Lease
from notifier.workers.roster import ASTRAY_FOR, UNKNOWN_FOR, Roster
from tests.fakes import FakeClock, FakeReceiver, FakeSource
from tests.service.conftest import MakeService

HALF = UNKNOWN_FOR / 2
SALES = {"sales": "to sales"}


@pytest.fixture
def tomorrow(database: AnyStore, clock: FakeClock) -> Notification:
    """Give a message for a receiver that only newer settings know."""
    new = Notification("n", "change", "case", "tomorrow", "to tomorrow", "status_changed")
    database.run_now(lambda books: books.outbox.enqueue([new], clock.now()))
    return new


def _count(database: AnyStore) -> dict[str, int]:
    return database.read_now(read_status).outbox


@pytest.mark.usefixtures("tomorrow")
async def test_a_start_by_old_settings_gives_up_nothing(
    make_service: MakeService, database: AnyStore
) -> None:
    """A worker that is restarted before its settings were changed must leave new receivers their messages."""
    await make_service(FakeSource(), is_alone=False).start()
    assert _count(database) == {"due": 1}
    await make_service(FakeSource()).start()
    assert _count(database) == {"dead": 1}


@pytest.mark.usefixtures("tomorrow")
async def test_what_no_worker_knows_is_given_up_in_the_end(database: AnyStore, clock: FakeClock) -> None:
    """A receiver that was taken out of the settings must not keep its messages waiting for ever."""
    roster = Roster(database, clock, SALES)
    for _ in range(2):
        assert await roster.call() == 0
        clock.advance(HALF.total_seconds())
    with capture_logs() as said:
        assert await roster.call() == 1
    assert [one["count"] for one in said] == [1]
    assert _count(database) == {"dead": 1}


@pytest.mark.usefixtures("tomorrow")
async def test_what_another_worker_knows_is_left_to_it(database: AnyStore, clock: FakeClock) -> None:
    """As long as one worker knows a receiver, and for a while after it, nothing of it may be given up."""
    old, new = Roster(database, clock, SALES), Roster(database, clock, SALES | {"tomorrow": "to tomorrow"})
    for _ in range(5):
        await new.call()
        assert await old.call() == 0
        clock.advance(HALF.total_seconds())
    # All have stopped for a day, and one by old settings is the first that is there again.
    clock.advance(timedelta(days=1).total_seconds())
    assert await Roster(database, clock, SALES).call() == 0
    assert _count(database) == {"due": 1}


@pytest.mark.usefixtures("tomorrow")
async def test_a_release_that_cannot_say_whom_it_knows_is_waited_for(
    database: AnyStore, clock: FakeClock
) -> None:
    """Beside a worker from before there were rosters, nothing may be given up that it may know."""
    older = {"host": "old", "pid": 1, "version": "0.0.9", "revision": "0008", "started_at": clock.now()}

    def sign(**more: object) -> None:
        row = {**older, "beat_at": clock.now(), "polls": 0, "last_round_at": None, **more}
        database.run_now(lambda books: books.save_beat(row))

    roster = Roster(database, clock, SALES)
    for _ in range(5):
        sign()
        assert await roster.call() == 0
        clock.advance(HALF.total_seconds())
    sign(stopped_at=clock.now())
    for _ in range(2):
        assert await roster.call() == 0
        clock.advance(HALF.total_seconds())
    assert await roster.call() == 1


async def test_what_an_older_release_leads_elsewhere_is_left_there(
    database: AnyStore, clock: FakeClock
) -> None:
    """A worker that cannot say where it leads may still send what waits there."""
    one = Notification("a", "a", "a", "sales", "to sales", "status_changed")
    database.run_now(lambda books: books.outbox.enqueue([one], clock.now()))
    older = {"host": "old", "pid": 1, "version": "0.0.9", "revision": "0008", "started_at": clock.now()}
    row = {**older, "beat_at": clock.now(), "polls": 0, "last_round_at": None}
    database.run_now(lambda books: books.save_beat(row))
    roster = Roster(database, clock, {"sales": "elsewhere"})
    await roster.call()
    assert database.run_now(lambda books: books.outbox.list_due(clock.now())) == ["to sales"]
    database.run_now(lambda books: books.save_beat({**row, "stopped_at": clock.now()}))
    await roster.call()
    assert database.run_now(lambda books: books.outbox.list_due(clock.now())) == ["elsewhere"]


async def test_what_an_older_worker_is_sending_is_not_sent_elsewhere_too(
    make_service: MakeService, database: AnyStore, clock: FakeClock
) -> None:
    """While a receiver is moved worker by worker, each message must end up where it was or where it is."""
    one, other = (Notification(name, name, name, "sales", "to sales", "status_changed") for name in "ab")
    database.run_now(lambda books: books.outbox.enqueue([one, other], clock.now()))
    claim = database.run_now(lambda books: books.outbox.claim("to sales", clock.now(), clock.now()))
    assert claim is not None
    moved = FakeReceiver("sales")
    moved.destination = "elsewhere"
    await make_service(FakeSource(), sales=moved, is_alone=False).start()
    assert database.run_now(lambda books: books.outbox.list_due(clock.now())) == ["elsewhere", "to sales"]
    assert database.run_now(lambda books: books.outbox.is_claimed(claim))


async def test_what_an_older_worker_has_left_is_brought_home(
    make_service: MakeService, database: AnyStore, clock: FakeClock
) -> None:
    """What it did not finish before it ended must be put in doubt, and go where its receiver is by now."""
    one = Notification("a", "a", "a", "sales", "to sales", "status_changed")
    database.run_now(lambda books: books.outbox.enqueue([one], clock.now()))
    database.run_now(lambda books: books.outbox.claim("to sales", clock.now(), clock.now()))
    moved = FakeReceiver("sales")
    moved.destination = "elsewhere"
    new = make_service(FakeSource(), sales=moved, is_alone=False)
    old, roster = Roster(database, clock, SALES), Roster(database, clock, {"sales": "elsewhere"})
    await old.call()
    await new.start()
    drains = Drains(new.dispatcher.lanes, database, clock, asyncio.Event(), RetryPolicy())
    await drains.drain("to sales", Lease(clock.monotonic, 25.0).take())
    await roster.call()
    clock.advance(ASTRAY_FOR.total_seconds() / 2)
    await roster.call()
    assert database.run_now(lambda books: books.outbox.list_due(clock.now())) == ["to sales"]
    clock.advance(ASTRAY_FOR.total_seconds())
    await roster.call()
    assert database.run_now(lambda books: books.outbox.list_due(clock.now())) == ["elsewhere"]
    claim = database.run_now(lambda books: books.outbox.claim("elsewhere", clock.now(), clock.now()))
    assert claim is not None
    assert claim.is_repeat
