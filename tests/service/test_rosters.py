"""Rosters: while settings are changed worker by worker, no message for a new receiver is given up."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from notifier.domain.delivery import Notification
from notifier.store.opening import AnyStore
from notifier.store.report import read_status
from notifier.workers.roster import UNKNOWN_FOR, Roster
from tests.fakes import FakeClock, FakeSource
from tests.service.conftest import MakeService

HALF = UNKNOWN_FOR / 2


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
    roster = Roster(database, clock, ["sales"])
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
    old, new = Roster(database, clock, ["sales"]), Roster(database, clock, ["sales", "tomorrow"])
    for _ in range(5):
        await new.call()
        assert await old.call() == 0
        clock.advance(HALF.total_seconds())
    # All have stopped for a day, and one by old settings is the first that is there again.
    clock.advance(timedelta(days=1).total_seconds())
    assert await Roster(database, clock, ["sales"]).call() == 0
    assert _count(database) == {"due": 1}
