"""Every attempt to deliver a message leaves a row, and every change names the poll that has shown it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from notifier.domain.delivery import WhenUnsure
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryRejected, DeliveryUnavailable, LookupImpossible
from notifier.service.ports import Books
from notifier.store import tables
from notifier.store.opening import AnyStore
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.service.conftest import MakeService, Service

WHOLE = AccountTarget("dintero", ACCOUNT)


def _list_attempts(database: AnyStore) -> list[tuple[str, str, str]]:
    table = tables.attempts
    query = select(table.c.outcome, table.c.error_code, table.c.error).order_by(table.c.attempt_id)
    return database.read_now(lambda connection: [tuple(row) for row in connection.execute(query)])


def _list_polls(database: AnyStore) -> list[str]:
    query = select(tables.changes.c.poll).order_by(tables.changes.c.seen_at, tables.changes.c.change_id)
    return database.read_now(lambda connection: list(connection.execute(query).scalars()))


async def _deliver(make_service: MakeService, sales: FakeReceiver, patience_seconds: float = 60) -> Service:
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source, sales=sales)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=patience_seconds)
    return service


async def test_every_attempt_is_kept_with_its_answer(make_service: MakeService) -> None:
    """What failed must stand beside what was taken, in its order and with the receiver's words."""
    sales = FakeReceiver("sales", DeliveryUnavailable("nobody is there", code="down"))
    service = await _deliver(make_service, sales)
    assert _list_attempts(service.database) == [("retry", "down", "nobody is there"), ("delivered", "", "")]


async def test_a_message_that_is_given_up_says_so(make_service: MakeService) -> None:
    """A refusal for good must be the last attempt."""
    error = DeliveryRejected("no such channel", code="refused", scope="message")
    service = await _deliver(make_service, FakeReceiver("sales", error, error))
    assert _list_attempts(service.database)[-1] == ("dead", "refused", "no such channel")


async def test_a_message_that_was_looked_for_says_so(make_service: MakeService) -> None:
    """Looks are attempts too: what was found where it had been sent must be told from what was sent."""
    sales = FakeReceiver("sales", DeliveryAmbiguous("no answer", code="taken"))
    sales.can_be_asked = True
    service = await _deliver(make_service, sales)
    assert [outcome for outcome, _, _ in _list_attempts(service.database)] == ["retry", "found"]


async def test_a_look_that_finds_nothing_says_so(make_service: MakeService) -> None:
    """A message that does not stand there yet is no failure of the receiver's."""
    sales = FakeReceiver("sales", DeliveryAmbiguous("no answer", code="lost"))
    sales.can_be_asked = True
    service = await _deliver(make_service, sales)
    outcomes = [outcome for outcome, _, _ in _list_attempts(service.database)]
    assert outcomes[0] == "retry"
    assert outcomes[-1] == "delivered"
    assert set(outcomes[1:-1]) == {"not_found"}


async def test_a_message_that_is_held_says_so(make_service: MakeService) -> None:
    """Where nobody can be asked and nothing may be doubled, the attempt must say what it waits for."""
    sales = FakeReceiver("sales", DeliveryAmbiguous("no answer", code="lost"))
    sales.when_unsure = WhenUnsure.HOLD
    service = await _deliver(make_service, sales)
    assert _list_attempts(service.database)[-1][0] == "held"


async def test_an_outcome_that_is_recorded_twice_is_one_attempt(
    make_service: MakeService, database: AnyStore
) -> None:
    """A commit that failed and took effect all the same must not be told as two attempts."""
    sales = FakeReceiver("sales", LookupImpossible("refused"))
    service = await _deliver(make_service, sales, patience_seconds=0)
    del service

    def job(books: Books) -> None:
        claim = books.outbox.claim(sales.destination, NOW + timedelta(hours=2), NOW)
        assert claim is not None
        for _ in range(2):
            books.outbox.record_dead(claim, NOW, error_code="x", error="y")

    before = len(_list_attempts(database))
    await database.run(job)
    assert len(_list_attempts(database)) == before + 1


@pytest.mark.parametrize("ends", [False, True])
async def test_a_change_names_its_poll(make_service: MakeService, *, ends: bool) -> None:
    """Whatever a poll has shown, an event or an end, must name what was polled and when."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.clock.advance(60)
    connection = make_connection("enabled", make_request(), make_outcome("enabled"))
    source.show(make_account() if ends else make_account(connection))
    await service.poll(WHOLE)
    assert list(dict.fromkeys(_list_polls(service.database))) == [
        f"dintero: {ACCOUNT} at 2026-11-22T12:00:00+00:00",
        f"dintero: {ACCOUNT} at 2026-11-22T12:01:00+00:00",
    ]
