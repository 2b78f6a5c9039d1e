"""Where messages go while their receiver fails, and what it hears of that, with a real store behind it."""

from datetime import timedelta

import pytest

from notifier.domain.delivery import Form, Traits
from notifier.domain.model import ConnectionKey
from notifier.domain.plan import Directory
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryRejected, DeliveryUnavailable
from notifier.service.blindness import Blindness
from notifier.service.fallbacks import Fallbacks
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
SWISH = make_connection("pending", make_request(2), key=ConnectionKey(ACCOUNT, "swish"), signup_id="signup-2")
VIPPS = make_connection("pending", make_request())


class Threads(FakeReceiver):
    """A receiver whose messages can be updated and replied to."""

    traits = Traits(has_threads=True)


def _down(count: int) -> list[Exception]:
    return [DeliveryRejected("not_in_channel", scope="receiver") for _ in range(count)]


def _make(make_service: MakeService, sales: FakeReceiver, oncall: FakeReceiver | None = None) -> Service:
    return make_service(FakeSource(make_account(VIPPS)), sales=sales, oncall=oncall)


def _make_directory(service: Service) -> Directory:
    receivers = (service.sales, service.oncall)
    return Directory(
        {one.name: one.destination for one in receivers},
        {one.name: one.name for one in receivers},
        {one.destination: one.traits for one in receivers},
    )


def _look_after(service: Service, **fallbacks: tuple[str, ...]) -> Fallbacks:
    return Fallbacks(
        service.database,
        service.clock,
        _make_directory(service),
        fallbacks or {"sales": ("oncall",)},
        timedelta(minutes=15),
        service.dispatcher.wake,
    )


async def _pass(service: Service, chore: Fallbacks, minutes: float) -> None:
    for _ in range(round(minutes)):
        service.clock.advance(60)
        await service.poll(WHOLE)
        await chore.tend()
        await service.dispatcher.drain(0)


async def test_what_a_receiver_does_not_take_goes_to_its_fallback_after_a_while(
    make_service: MakeService,
) -> None:
    """After a quarter of an hour of refusals on-call has what sales could not be told, once."""
    service = _make(make_service, FakeReceiver("sales", *_down(99)))
    await service.start(WHOLE)
    chore = _look_after(service)
    await _pass(service, chore, 15)
    assert service.oncall.taken == []
    await _pass(service, chore, 30)
    assert service.oncall.headlines == [ASKED]


async def test_what_comes_later_goes_there_too_as_long_as_it_fails(make_service: MakeService) -> None:
    """News of a case goes to the card that stands at the fallback, and another case gets its own."""
    service = _make(make_service, FakeReceiver("sales", *_down(99)), Threads("oncall"))
    await service.start(WHOLE)
    chore = _look_after(service)
    await _pass(service, chore, 20)
    signed = make_connection("enabled", make_request(), make_outcome("enabled"))
    service.source.show(make_account(signed, SWISH))
    await _pass(service, chore, 5)
    told = [
        (str(one.connection), place.form)
        for one, place in zip(service.oncall.taken, service.oncall.places, strict=True)
    ]
    assert told[0] == ("vipps", Form.MESSAGE)
    assert sorted(told[1:]) == [
        ("swish", Form.MESSAGE),
        ("vipps", Form.REPLY),
        ("vipps", Form.UPDATE),
    ]


async def test_a_receiver_that_works_again_is_told_in_one_line_and_loses_nothing(
    make_service: MakeService,
) -> None:
    """It hears how many messages went where, gets its own after all, and its fallback gets no more."""
    service = _make(make_service, FakeReceiver("sales", *_down(99)))
    service.source.show(make_account(VIPPS, SWISH))
    await service.start(WHOLE)
    chore = _look_after(service)
    await _pass(service, chore, 40)
    assert service.oncall.headlines == [ASKED, ASKED]
    service.sales.errors.clear()
    await _pass(service, chore, 30)
    line = "While nothing could be posted here, 2 messages also went elsewhere: 2 to oncall"
    assert service.sales.headlines == [ASKED, ASKED, line]
    third = make_connection("pending", make_request(3), key=ConnectionKey(ACCOUNT, "klarna"), signup_id="s3")
    service.source.show(make_account(VIPPS, SWISH, third))
    await _pass(service, chore, 20)
    assert service.sales.headlines[3:] == [ASKED]
    assert len(service.oncall.taken) == 2
    assert not await service.database.run(lambda books: books.notices.list_open_incidents())


async def test_a_short_failure_is_nobodys_business(make_service: MakeService) -> None:
    """A receiver that is back before the time is over has its messages to itself, and hears nothing."""
    service = _make(make_service, FakeReceiver("sales", *[DeliveryUnavailable("down")] * 3))
    await service.start(WHOLE)
    await _pass(service, _look_after(service), 60)
    assert (service.sales.headlines, service.oncall.headlines) == ([ASKED], [])


async def test_unclear_answers_that_last_are_a_failure_too(make_service: MakeService) -> None:
    """A message that nobody confirms, without a hold on its receiver, goes elsewhere as well."""
    service = _make(make_service, FakeReceiver("sales", *[DeliveryAmbiguous("no answer")] * 99))
    await service.start(WHOLE)
    await _pass(service, _look_after(service), 20)
    assert service.oncall.headlines == [ASKED]


async def test_a_destination_that_was_told_is_not_told_again(make_service: MakeService) -> None:
    """A failure is routed to on-call in any case: as the fallback of sales on-call has it already."""
    failed = make_connection("failed", make_outcome("failed"))
    service = make_service(FakeSource(make_account(failed)), sales=FakeReceiver("sales", *_down(99)))
    await service.start(WHOLE)
    await _pass(service, _look_after(service), 60)
    assert len(service.oncall.taken) == 1


async def test_a_restart_passes_nothing_on_twice_and_still_tells_of_the_recovery(
    make_service: MakeService,
) -> None:
    """That messages go elsewhere is remembered in the store."""
    first = _make(make_service, FakeReceiver("sales", *_down(99)))
    await first.start(WHOLE)
    await _pass(first, _look_after(first), 20)
    second = make_service(first.source, sales=FakeReceiver("sales", *_down(3)))
    await second.start(WHOLE)
    await _pass(second, _look_after(second), 120)
    assert (len(first.oncall.taken), len(second.oncall.taken)) == (1, 0)
    assert second.sales.headlines == [
        ASKED,
        "While nothing could be posted here, 1 message also went elsewhere: 1 to oncall",
    ]


async def test_a_machine_is_not_told_in_words(make_service: MakeService) -> None:
    """A receiver that no people read gets its messages when it works again, and no line about them."""

    class Machine(FakeReceiver):
        traits = Traits(is_read_by_people=False)

    service = _make(make_service, Machine("sales", *_down(10)))
    await service.start(WHOLE)
    await _pass(service, _look_after(service), 240)
    assert service.sales.headlines == [ASKED]


async def test_an_incident_goes_to_the_fallback_of_oncall(make_service: MakeService) -> None:
    """What on-call is to know and cannot be told is told where its messages go."""
    service = _make(make_service, Threads("sales"), Threads("oncall", *_down(99)))
    await service.start(WHOLE)
    now = service.clock.now()
    await service.database.run(lambda books: books.save_problem(str(WHOLE), "down", now))
    blindness = Blindness(
        service.database,
        service.clock,
        (WHOLE,),
        _make_directory(service),
        timedelta(minutes=10),
        service.dispatcher.wake,
    )
    chore = _look_after(service, oncall=("sales",))
    for _ in range(60):
        service.clock.advance(60)
        await blindness.tend()
        await service.dispatcher.drain(0)
        await chore.tend()
        await service.dispatcher.drain(0)
    assert sorted(service.sales.headlines) == [
        "A receiver takes no messages",
        "The notifier cannot read Dintero",
    ]


@pytest.mark.parametrize("is_left", [True, False])
async def test_a_fallback_that_is_taken_out_of_the_settings_ends_it(
    make_service: MakeService, is_left: bool
) -> None:
    """Nothing stays open about a receiver that has no fallback any more."""
    service = _make(make_service, FakeReceiver("sales", *_down(99)))
    await service.start(WHOLE)
    await _pass(service, _look_after(service), 20)
    after = _look_after(service, **({"sales": ("oncall",)} if is_left else {"oncall": ("sales",)}))
    await after.tend()
    opened = await service.database.run(lambda books: books.notices.list_open_incidents())
    assert bool(opened) is is_left
