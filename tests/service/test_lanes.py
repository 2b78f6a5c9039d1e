"""One destination in the hands of several processes, one after another or, by mistake, at the same time."""

import asyncio
from datetime import timedelta

import pytest

from notifier.domain.delivery import BY_ITSELF, Claim, Form, Place, Receipt
from notifier.domain.message import Message
from notifier.domain.model import ConnectionKey
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryError, DeliveryRejected, DeliveryUnavailable
from notifier.service.lane import Lane
from notifier.store.database import Database
from notifier.store.report import read_status
from tests.fakes import (
    ACCOUNT,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.service.conftest import MakeService, Service
from tests.service.test_cards import make_channel

WHOLE = AccountTarget("dintero", ACCOUNT)
MINUTES = timedelta(minutes=5)


class Sleeper(FakeReceiver):
    """Falls asleep in a request, long enough for another process to take over; then it is answered."""

    def __init__(self, answer: DeliveryError | None) -> None:
        super().__init__("sales")
        self.traits = make_channel("sales").traits
        self.answer = answer
        self.falls_asleep = asyncio.Event()
        self.wakes = asyncio.Event()

    async def send(
        self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
    ) -> Receipt:
        """Take nothing, and say so or the contrary."""
        self.falls_asleep.set()
        await self.wakes.wait()
        if self.answer is not None:
            raise self.answer
        return Receipt("C9", "late")


def _asking(make_service: MakeService, sales: FakeReceiver) -> Service:
    source = FakeSource(make_account(make_connection("pending", make_request())))
    return make_service(source, sales=sales, is_alone=False)


def _find_lane(service: Service) -> Lane:
    return service.dispatcher.lanes["to sales"]


async def _claim(service: Service, destination: str = "to sales") -> Claim:
    now = service.clock.now()
    claim = await service.database.run(lambda books: books.outbox.claim(destination, now, now))
    assert claim is not None
    return claim


@pytest.mark.parametrize(
    "answer",
    [
        None,
        DeliveryUnavailable("down"),
        DeliveryAmbiguous("cut off"),
        DeliveryRejected("not_in_channel", scope="receiver"),
        DeliveryRejected("message_not_found", scope="root"),
        DeliveryRejected("too_long", scope="message"),
    ],
    ids=lambda answer: f"{type(answer).__name__}-{getattr(answer, 'scope', '')}",
)
async def test_a_process_that_was_overtaken_records_nothing(
    make_service: MakeService, database: Database, answer: DeliveryError | None
) -> None:
    """Whatever it is answered in the end, the message, its card and its receiver stay as they are by then."""
    sleeper, channel = Sleeper(answer), make_channel("sales")
    first, second = _asking(make_service, sleeper), _asking(make_service, channel)
    await first.start(WHOLE)
    await first.poller.poll(WHOLE)
    until = first.clock.now() + MINUTES
    draining = asyncio.ensure_future(_find_lane(first).drain(until))
    await sleeper.falls_asleep.wait()
    assert await _find_lane(second).recover() == 1
    assert await _find_lane(second).drain(until) is None
    assert channel.forms == [Form.MESSAGE]
    sleeper.wakes.set()
    assert await draining is None
    status = database.read_now(read_status)
    assert (status.outbox, status.holds) == ({"delivered": 1}, ())
    case_id = channel.taken[0].case_id
    followers = await database.run(lambda books: books.cards.load_followers([case_id]))
    assert {one.destination: one.message_ref for one in followers[case_id]}["to sales"] == "1.0"


async def test_an_overtaken_process_takes_no_further_message(make_service: MakeService) -> None:
    """Who finds that another has the destination leaves it at once: two would not keep one pace."""
    sleeper = Sleeper(None)
    first, second = _asking(make_service, sleeper), _asking(make_service, FakeReceiver("sales"))
    await first.start(WHOLE)
    await first.poller.poll(WHOLE)
    draining = asyncio.ensure_future(_find_lane(first).drain(first.clock.now() + MINUTES))
    await sleeper.falls_asleep.wait()
    await _find_lane(second).recover()
    swish = make_connection("pending", make_request(2), key=ConnectionKey(ACCOUNT, "swish"))
    first.source.show(make_account(make_connection("pending", make_request()), swish))
    await first.poller.poll(WHOLE)
    sleeper.wakes.set()
    assert await draining == first.clock.now()
    assert second.database.read_now(read_status).outbox == {"due": 2}


async def test_a_claim_from_before_somebody_sent_a_message_again_is_none(make_service: MakeService) -> None:
    """Attempts are counted anew then, and the first of before must not pass for the first of now."""
    service = _asking(make_service, FakeReceiver("sales"))
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    stale, now = await _claim(service), service.clock.now()
    await service.database.run(lambda books: books.outbox.recover(now, now))
    fresh = await _claim(service)
    await service.database.run(
        lambda books: books.outbox.record_held(fresh, now, error_code="unsure", error="nobody knows")
    )
    service.clock.advance(1)
    ids, later = [stale.notification.notification_id], service.clock.now()
    await service.database.run(lambda books: books.outbox.retry(ids, later))
    anew = await _claim(service)
    assert anew.attempt == stale.attempt
    assert not await service.database.run(lambda books: books.outbox.is_claimed(stale))
    assert await service.database.run(lambda books: books.outbox.is_claimed(anew))


async def test_only_what_was_sent_to_one_destination_is_taken_over(make_service: MakeService) -> None:
    """What another process is sending elsewhere is its own, also when this one starts beside it."""
    source = FakeSource(make_account(make_connection("failed", make_outcome("failed"))))
    service = make_service(source)
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    for destination in ("to sales", "to oncall"):
        await _claim(service, destination)
    assert await make_service(source, is_alone=False).dispatcher.start() is False
    assert service.database.read_now(read_status).outbox == {"sending": 2}
    assert await _find_lane(service).recover() == 1
    assert service.database.read_now(read_status).outbox == {"sending": 1, "due": 1}


async def test_the_doubt_of_another_process_is_given_its_time(make_service: MakeService) -> None:
    """What was in doubt with another is looked for until its request has run out and would show."""
    sales = FakeReceiver("sales")
    sales.can_be_asked = True
    service = _asking(make_service, sales)
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    await _claim(service)
    service.clock.advance(3600)
    began = service.clock.monotonic()
    assert await _find_lane(service).recover() == 1
    await _find_lane(service).drain(service.clock.now() + MINUTES)
    assert len(sales.taken) == 1
    assert service.clock.monotonic() - began >= 30 + 15 + 15


async def test_a_doubt_that_was_raised_anew_elsewhere_is_measured_anew(make_service: MakeService) -> None:
    """A doubt of this process's own says nothing of a later one that another process raised."""
    first_sales = FakeReceiver("sales", DeliveryAmbiguous("cut off"))
    second_sales = FakeReceiver("sales", DeliveryAmbiguous("cut off"))
    for sales in (first_sales, second_sales):
        sales.can_be_asked = True
    first, second = _asking(make_service, first_sales), _asking(make_service, second_sales)
    await first.start(WHOLE)
    await first.poller.poll(WHOLE)
    await _find_lane(first).drain(first.clock.now())
    # The other one looks, and asks again when it is sure, which is cut off as well.
    while (due_at := await _find_lane(second).drain(second.clock.now())) and not second_sales.attempts:
        second.clock.advance((due_at - second.clock.now()).total_seconds())
    began = first.clock.monotonic()
    await _find_lane(first).drain(first.clock.now() + MINUTES)
    assert len(first_sales.taken) == 1
    assert first.clock.monotonic() - began >= 15 + 15


async def test_a_lane_says_when_its_next_message_is_due(make_service: MakeService) -> None:
    """Who drains a destination is told when to come back; one that is stopping leaves what is due."""
    service = _asking(make_service, FakeReceiver("sales", DeliveryUnavailable("down")))
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    stopping = asyncio.Event()
    stopping.set()
    now = service.clock.now()
    assert await _find_lane(service).drain(now, stopping=stopping) == now
    assert service.sales.attempts == []
    due_at = await _find_lane(service).drain(now)
    assert due_at is not None
    assert due_at > now
    assert await _find_lane(service).drain(due_at) is None


async def test_only_the_lanes_that_have_news_are_woken(make_service: MakeService) -> None:
    """A message for one channel must not have all others look for theirs."""
    service = _asking(make_service, FakeReceiver("sales"))
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    woken = {name for name, lane in service.dispatcher.lanes.items() if lane._news.is_set()}
    assert woken == {"to sales"}
    service.dispatcher.wake(["somewhere that is no more"])
    service.dispatcher.wake()
    assert all(lane._news.is_set() for lane in service.dispatcher.lanes.values())
