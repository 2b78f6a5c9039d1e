"""What the dispatcher makes of what receivers answer, with a real store behind it."""

import asyncio
from collections.abc import Callable

import pytest

from notifier.domain.delivery import BY_ITSELF, DeliveryState, Place, Receipt
from notifier.domain.message import Link, Message
from notifier.domain.model import ConnectionKey
from notifier.domain.watch import AccountTarget
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
    StoreUnavailable,
)
from notifier.service.ports import Books
from notifier.store.report import Letter, list_letters, read_status
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

WHOLE = AccountTarget("dintero", ACCOUNT)
ASKED = "Signature needed"
SIGNED = "Signed: the connection is enabled"
DAY_SECONDS = 86_400.0


def _waiting(make_service: MakeService, sales: FakeReceiver) -> Service:
    source = FakeSource(make_account(make_connection("pending", make_request())))
    return make_service(source, sales=sales)


def _letters(service: Service, *states: DeliveryState) -> list[Letter]:
    return service.database.read_now(lambda connection: list_letters(connection, states))


@pytest.mark.parametrize(
    "error",
    [
        DeliveryUnavailable("nobody is there"),
        DeliveryAmbiguous("no answer"),
        DeliveryRateLimited("too fast", retry_after_seconds=3),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_message_that_was_not_taken_is_sent_again(
    make_service: MakeService, error: Exception
) -> None:
    """Whatever passing fault a receiver has, the message arrives when the fault is over."""
    service = _waiting(make_service, FakeReceiver("sales", error))
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert service.sales.headlines == [ASKED]
    assert len(service.sales.attempts) == 2


async def test_retry_after_is_waited_out_by_the_whole_receiver(make_service: MakeService) -> None:
    """Nothing at all is sent to a receiver before the time that it asked for has passed."""
    service = _waiting(
        make_service, FakeReceiver("sales", DeliveryRateLimited("slow", retry_after_seconds=40))
    )
    await service.start(WHOLE)
    await service.poll(WHOLE)
    other = ConnectionKey(ACCOUNT, "swish")
    service.source.show(
        make_account(
            make_connection("pending", make_request()), make_connection("pending", make_request(2), key=other)
        )
    )
    service.clock.advance(39)
    await service.poll(WHOLE)
    assert len(service.sales.attempts) == 1
    await service.dispatcher.drain(patience_seconds=5)
    assert service.sales.headlines == [ASKED, ASKED]


async def test_a_refused_form_is_tried_as_plain_text_and_then_given_up(make_service: MakeService) -> None:
    """A message that Slack cannot take goes once as plain text; refused again it is a dead letter."""
    refusals = [DeliveryRejected("invalid_blocks", code="invalid_blocks", scope="message") for _ in range(2)]
    service = _waiting(make_service, FakeReceiver("sales", *refusals))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.attempts == [False, True]
    letters = _letters(service, DeliveryState.DEAD)
    assert [(one.error_code, one.attempts) for one in letters] == [("invalid_blocks", 2)]


async def test_a_dead_letter_holds_nobody_up_and_can_be_sent_again(make_service: MakeService) -> None:
    """What comes behind a dead letter goes out, and `retry` sends the dead one as things stand then."""
    refusals = [DeliveryRejected("too long", scope="message") for _ in range(2)]
    service = _waiting(make_service, FakeReceiver("sales", *refusals))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await service.poll(WHOLE)
    assert service.sales.headlines == [SIGNED]
    now = service.clock.now()
    assert await service.database.run(lambda books: books.outbox.retry(None, now)) == 1
    await service.dispatcher.drain(0)
    assert service.sales.headlines[1:] == ["A signature was asked for; the connection has since been enabled"]


async def test_a_dropped_message_is_never_sent(make_service: MakeService) -> None:
    """What somebody decided not to send stays unsent."""
    service = _waiting(make_service, FakeReceiver("sales", DeliveryUnavailable("down")))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    (letter,) = _letters(service, DeliveryState.DUE)
    now = service.clock.now()
    await service.database.run(lambda books: books.outbox.drop([letter.notification_id], now))
    service.clock.advance(3600)
    await service.dispatcher.drain(60)
    assert service.sales.taken == []


async def test_a_receiver_that_refuses_everything_is_held_with_its_queue(make_service: MakeService) -> None:
    """A wrong channel costs no message: the queue waits, tries one, and goes out when it is mended."""
    errors = [DeliveryRejected("not_in_channel", scope="receiver") for _ in range(5)]
    service = _waiting(make_service, FakeReceiver("sales", *errors))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert [one.subject for one in service.database.read_now(read_status).holds] == ["sales"]
    service.source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await service.poll(WHOLE, patience_seconds=3 * DAY_SECONDS)
    assert len(service.sales.attempts) == 7
    assert service.sales.headlines == [
        "A signature was asked for; the connection has since been enabled",
        SIGNED,
    ]
    assert service.database.read_now(read_status).holds == ()


async def test_a_dead_receiver_delays_no_other(make_service: MakeService) -> None:
    """While one receiver hangs, the other gets what is for it."""

    class Hanging(FakeReceiver):
        async def send(
            self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
        ) -> Receipt:
            hangs.set()
            await oncall_has_it.wait()
            return await super().send(message, place, is_plain=is_plain)

    class Telling(FakeReceiver):
        async def send(
            self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
        ) -> Receipt:
            await hangs.wait()
            oncall_has_it.set()
            return await super().send(message, place, is_plain=is_plain)

    hangs, oncall_has_it = asyncio.Event(), asyncio.Event()
    source = FakeSource(make_account(make_connection("failed", make_outcome("failed"))))
    service = make_service(source, sales=Hanging("sales"), oncall=Telling("oncall"))
    await service.start(WHOLE)
    await asyncio.wait_for(service.poll(WHOLE), timeout=5)
    assert (len(service.oncall.taken), len(service.sales.taken)) == (1, 1)


async def test_messages_of_a_case_keep_their_order(make_service: MakeService) -> None:
    """What comes later in a case waits for what comes before it, while other cases go on."""
    service = _waiting(make_service, FakeReceiver("sales", DeliveryAmbiguous("unclear")))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    swish = make_connection("enabled", make_outcome("enabled", 7), key=ConnectionKey(ACCOUNT, "swish"))
    vipps = make_connection("declined", make_request(), make_outcome("declined"))
    service.source.show(make_account(vipps, swish))
    await service.poll(WHOLE)
    assert [str(one.connection) for one in service.sales.taken] == ["swish"]
    await service.dispatcher.drain(60)
    assert [str(one.connection) for one in service.sales.taken] == ["swish", "vipps", "vipps"]
    assert "declined" in service.sales.headlines[-1]


async def test_a_late_message_never_asks_for_a_signature_already_given(make_service: MakeService) -> None:
    """A message is made when it leaves: after an outage it says what has become of the matter."""
    service = _waiting(make_service, FakeReceiver("sales", DeliveryUnavailable("down")))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await service.poll(WHOLE, patience_seconds=60)
    assert not any(isinstance(one.action, Link) for one in service.sales.taken)
    assert ASKED not in service.sales.headlines


async def test_what_a_killed_process_was_sending_is_sent_again(make_service: MakeService) -> None:
    """A message that was on its way when the process died is taken over, and counted as a repeat."""

    class Dying(FakeReceiver):
        async def send(
            self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
        ) -> Receipt:
            del message, is_plain
            raise Killed

    class Killed(BaseException):
        """As if the process were gone."""

    first = _waiting(make_service, Dying("sales"))
    await first.start(WHOLE)
    with pytest.raises(BaseExceptionGroup):
        await first.poll(WHOLE)
    assert len(_letters(first, DeliveryState.SENDING)) == 1
    second = make_service(first.source)
    await second.start(WHOLE)
    await second.poll(WHOLE, patience_seconds=60)
    assert second.sales.headlines == [ASKED]
    assert second.dispatcher.deliveries.repeated == 1


async def test_an_unclear_outcome_is_given_up_in_the_end(make_service: MakeService) -> None:
    """After three days of unclear answers a message is a dead letter, which somebody can look at."""
    service = _waiting(make_service, FakeReceiver("sales", *[DeliveryAmbiguous("unclear")] * 500))
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=4 * DAY_SECONDS)
    assert len(_letters(service, DeliveryState.DEAD)) == 1


async def test_a_fault_of_our_own_does_not_stop_the_lane(make_service: MakeService) -> None:
    """An exception that nobody foresaw is an unclear outcome of one message."""
    service = _waiting(make_service, FakeReceiver("sales", ZeroDivisionError("oops")))
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert service.sales.headlines == [ASKED]


@pytest.mark.parametrize("seconds", [-DAY_SECONDS, DAY_SECONDS])
async def test_a_clock_that_jumps_delays_nothing_for_long(make_service: MakeService, seconds: float) -> None:
    """A message that waits for its next attempt leaves within minutes of a jump of the clock by a day."""
    service = _waiting(make_service, FakeReceiver("sales", DeliveryUnavailable("down")))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.clock.jump(seconds)
    await service.dispatcher.drain(600)
    assert service.sales.headlines == [ASKED]


async def test_a_pace_is_kept_for_each_destination(make_service: MakeService) -> None:
    """Two messages for one channel are a pace apart, whatever the number of cases."""
    other = ConnectionKey(ACCOUNT, "swish")
    source = FakeSource(
        make_account(
            make_connection("pending", make_request()), make_connection("pending", make_request(2), key=other)
        )
    )
    service = make_service(source, sales=FakeReceiver("sales", pace_seconds=1.5))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert len(service.sales.taken) == 2
    assert service.clock.monotonic() >= 1.5


async def test_a_pace_is_kept_where_messages_arrive(make_service: MakeService) -> None:
    """The next leaves a pace after the answer to the last: a request that took long is not caught up on."""

    class Slow(FakeReceiver):
        async def send(
            self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
        ) -> Receipt:
            arrivals.append(service.clock.monotonic() + 0.7 * (not arrivals))
            service.clock.advance(0.7)
            return await super().send(message, place, is_plain=is_plain)

    arrivals: list[float] = []
    swish = make_connection("pending", make_request(2), key=ConnectionKey(ACCOUNT, "swish"))
    source = FakeSource(make_account(make_connection("pending", make_request()), swish))
    service = make_service(source, sales=Slow("sales", pace_seconds=1.5))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert arrivals[1] - arrivals[0] >= 1.5


async def test_a_destination_is_told_once_by_the_first_receiver_that_reaches_it(
    make_service: MakeService,
) -> None:
    """Where sales and on-call are one channel, a failure stands in it once, as on-call's."""
    source = FakeSource(make_account(make_connection("failed", make_outcome("failed"))))
    sales, oncall = (FakeReceiver(name, destination="one place") for name in ("sales", "oncall"))
    service = make_service(source, sales=sales, oncall=oncall)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert (len(sales.taken), len(oncall.taken)) == (0, 1)


async def test_a_receiver_that_moved_gets_what_waits_for_it_and_one_that_is_gone_leaves_dead_letters(
    make_service: MakeService,
) -> None:
    """Messages follow a receiver to its new channel; without a receiver they wait for somebody to decide."""
    service = _waiting(make_service, FakeReceiver("sales", DeliveryUnavailable("down")))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    moved = make_service(service.source, sales=FakeReceiver("sales", destination="elsewhere"))
    await moved.start(WHOLE)
    await moved.dispatcher.drain(60)
    assert moved.sales.headlines == [ASKED]
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed"))))
    moved.sales.errors.append(DeliveryUnavailable("down"))
    await moved.poll(WHOLE)
    without = make_service(service.source, sales=FakeReceiver("boss"))
    await without.dispatcher.start()
    letters = _letters(without, DeliveryState.DEAD)
    assert [(one.receiver, one.error_code) for one in letters] == [("sales", "no_receiver")]


async def test_an_outcome_is_recorded_though_the_store_fails_for_a_while(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store is locked just after a post, the outcome waits for it: nothing is posted twice."""
    service = _waiting(make_service, FakeReceiver("sales"))
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    run, failures = service.database.run, [1, 1, 1]

    async def run_badly(job: Callable[[Books], object]) -> object:
        if service.sales.taken and failures:
            failures.pop()
            raise StoreUnavailable("locked")
        return await run(job)

    monkeypatch.setattr(service.database, "run", run_badly)
    await service.dispatcher.drain(0)
    assert not failures
    assert len(service.sales.taken) == 1
    assert service.database.read_now(read_status).outbox == {"delivered": 1}
