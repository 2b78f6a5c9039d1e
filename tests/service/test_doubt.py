"""What becomes of a message when nobody knows whether it arrived."""

from datetime import datetime

import pytest

from notifier.domain.delivery import BY_ITSELF, DeliveryState, Place, Receipt, WhenUnsure
from notifier.domain.message import Message
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryRateLimited, DeliveryUnavailable
from notifier.store.report import list_letters, read_status
from tests.fakes import ACCOUNT, FakeReceiver, FakeSource, make_account, make_connection, make_request
from tests.service.conftest import MakeService, Service

WHOLE = AccountTarget("dintero", ACCOUNT)
TAKEN = DeliveryAmbiguous("cut off", code="taken")
LOST = DeliveryAmbiguous("cut off")


def _doubtful(make_service: MakeService, *errors: Exception, can_be_asked: bool = True) -> Service:
    sales = FakeReceiver("sales", *errors)
    sales.can_be_asked = can_be_asked
    return make_service(FakeSource(make_account(make_connection("pending", make_request()))), sales=sales)


async def test_a_message_that_arrived_after_all_is_found_and_not_sent_again(
    make_service: MakeService,
) -> None:
    """After an unclear answer the receiver is asked, and what stands there is adopted."""
    service = _doubtful(make_service, TAKEN)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert (len(service.sales.taken), len(service.sales.attempts)) == (1, 1)
    assert service.database.read_now(read_status).adopted == 1


async def test_a_message_that_did_not_arrive_is_sent_again_after_the_look(make_service: MakeService) -> None:
    """What does not stand there by the end of the look is sent, once."""
    service = _doubtful(make_service, LOST)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert (len(service.sales.taken), len(service.sales.attempts)) == (1, 2)
    assert service.clock.monotonic() >= 15 + 15
    assert service.database.read_now(read_status).resent == 1


async def test_nothing_is_asked_before_the_request_has_run_out(make_service: MakeService) -> None:
    """A request without an answer may take effect for as long as it lasts: only then it is looked for."""
    service = _doubtful(make_service, TAKEN)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=14)
    assert service.sales.asked == []
    service.clock.advance(15)
    await service.poll(WHOLE)
    assert len(service.sales.asked) == 1


async def test_a_message_that_shows_late_is_found(make_service: MakeService) -> None:
    """A receiver that shows a message only seconds later is asked again until the look ends."""

    class Late(FakeReceiver):
        can_be_asked = True

        async def find(
            self, notification_id: str, since: datetime, place: Place = BY_ITSELF
        ) -> Receipt | None:
            found = await super().find(notification_id, since, place)
            return found if len(self.asked) > 3 else None

    sales = Late("sales", DeliveryAmbiguous("500", code="taken", was_answered=True))
    sales.can_be_asked = True
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source, sales=sales)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert (len(sales.taken), len(sales.attempts), len(sales.asked)) == (1, 1, 4)


@pytest.mark.parametrize(
    "error", [DeliveryRateLimited("slow", retry_after_seconds=5), DeliveryUnavailable("down"), LOST]
)
async def test_a_look_that_fails_is_repeated_and_costs_nothing(
    make_service: MakeService, error: Exception
) -> None:
    """While the receiver cannot answer what it has, nothing is sent."""

    class Deaf(FakeReceiver):
        deafness = 3

        async def find(
            self, notification_id: str, since: datetime, place: Place = BY_ITSELF
        ) -> Receipt | None:
            if self.deafness:
                self.deafness -= 1
                raise error
            return await super().find(notification_id, since, place)

    sales = Deaf("sales", TAKEN)
    sales.can_be_asked = True
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source, sales=sales)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=600)
    assert (len(sales.taken), len(sales.attempts), sales.deafness) == (1, 1, 0)


async def test_a_receiver_that_cannot_be_asked_gets_the_message_again(make_service: MakeService) -> None:
    """Without a history an unclear message is sent again by default: better twice than never."""
    service = _doubtful(make_service, TAKEN, can_be_asked=False)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    assert len(service.sales.taken) == 2
    assert service.database.read_now(read_status).resent == 1


async def test_a_receiver_may_ask_for_unclear_messages_to_be_held(make_service: MakeService) -> None:
    """With when_unsure = "hold" an unclear message is left to somebody, who may send it or drop it."""
    service = _doubtful(make_service, TAKEN, can_be_asked=False)
    service.sales.when_unsure = WhenUnsure.HOLD
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=60)
    letters = service.database.read_now(lambda one: list_letters(one, (DeliveryState.HELD,)))
    assert (len(service.sales.taken), len(letters)) == (1, 1)
    now = service.clock.now()
    ids = [letters[0].notification_id]
    assert await service.database.run(lambda books: books.outbox.retry(ids, now)) == 1
    await service.dispatcher.drain(60)
    assert len(service.sales.taken) == 2


async def test_a_killed_process_leaves_a_doubt_that_the_next_one_settles(make_service: MakeService) -> None:
    """Killed between Slack's effect and our record, the next run finds the message and posts nothing."""

    class Killed(BaseException):
        """As if the process were gone."""

    class Dying(FakeReceiver):
        async def send(
            self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
        ) -> Receipt:
            await super().send(message, place, is_plain=is_plain, deadline=deadline)
            raise Killed

    first = make_service(
        FakeSource(make_account(make_connection("pending", make_request()))), sales=Dying("sales")
    )
    await first.start(WHOLE)
    with pytest.raises(BaseExceptionGroup):
        await first.poll(WHOLE)
    second = _doubtful(make_service)
    second.sales.taken = first.sales.taken
    await second.start(WHOLE)
    await second.poll(WHOLE, patience_seconds=60)
    assert len(second.sales.taken) == 1
    assert second.sales.attempts == []


async def test_a_claim_that_has_passed_on_changes_nothing(make_service: MakeService) -> None:
    """A process that wakes up after its claim was taken over records nothing over the other outcome."""
    service = _doubtful(make_service)
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    now, destination = service.clock.now(), service.sales.destination
    stale = await service.database.run(lambda books: books.outbox.claim(destination, now, now))
    assert stale is not None
    await service.database.run(lambda books: books.outbox.recover(now, now))
    await service.dispatcher.drain(60)
    await service.database.run(
        lambda books: books.outbox.record_dead(stale, now, error_code="late", error="late")
    )
    assert service.database.read_now(read_status).outbox == {"delivered": 1}
