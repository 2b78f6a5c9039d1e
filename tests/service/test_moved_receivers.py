"""Receivers that are called otherwise by now, that have moved, or both, with what they follow."""

from datetime import timedelta

from notifier.domain.delivery import DeliveryState, Form
from notifier.domain.routes import Route
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryUnavailable
from notifier.store.report import list_letters
from tests.fakes import ACCOUNT, FakeReceiver, FakeSource, make_account, make_connection, make_request
from tests.service.conftest import MakeService, Service
from tests.service.test_cards import ENABLED, PENDING, ask_for_many, begin, make_channel
from tests.service.test_quiet import silence

WHOLE = AccountTarget("dintero", ACCOUNT)
HOUR = timedelta(hours=1)
DEALS = (Route(("deals",), name="all"),)
MESSAGE, UPDATE = Form.MESSAGE, Form.UPDATE
REPLACED = make_account(make_connection("pending", make_request(link="https://sign.example.com/2")))


def move(name: str = "sales", destination: str = "new channel") -> FakeReceiver:
    """Return a receiver whose messages end up elsewhere by now."""
    moved = make_channel(name)
    moved.destination = destination
    return moved


def rename(service: Service) -> FakeReceiver:
    """Return the same channel, called otherwise in the settings."""
    deals = move("deals", service.sales.destination)
    deals.taken, deals.places = service.sales.taken, service.sales.places
    return deals


def list_reminders(receiver: FakeReceiver) -> list[str]:
    """Return the reminders that a receiver got."""
    return [one for one in receiver.headlines if one.startswith("Reminder")]


async def test_a_renamed_receiver_keeps_its_cards(make_service: MakeService) -> None:
    """What a channel was told must be reminded of and kept current there, whatever it is called by then."""
    service = await begin(make_service)
    deals = rename(service)
    later = make_service(service.source, sales=deals, routes=DEALS)
    await later.start(WHOLE)
    for _ in range(6):
        await later.pass_time(12 * HOUR)
    later.source.show(make_account(ENABLED))
    await later.poll(WHOLE, patience_seconds=60)
    assert UPDATE in deals.forms
    assert list_reminders(deals)
    assert deals.forms.count(MESSAGE) == 1


async def test_what_a_renamed_receiver_was_spared_is_told(make_service: MakeService) -> None:
    """What is kept back must be told when its silence ends, though its receiver has another name."""
    service = await begin(make_service)
    silence(service, f"account={ACCOUNT}", hours=1)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    deals = rename(service)
    later = make_service(service.source, sales=deals, routes=DEALS)
    await later.start(WHOLE)
    await later.pass_time(2 * HOUR)
    assert "Signed: the connection is enabled" in deals.headlines


async def test_what_a_moved_receiver_was_spared_is_told(make_service: MakeService) -> None:
    """What is kept back must be told where its receiver is when the silence ends."""
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel())
    await service.start(WHOLE)
    silence(service, f"account={ACCOUNT}", hours=1)
    await service.poll(WHOLE)
    moved = move()
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    await later.pass_time(2 * HOUR)
    assert "Signature needed" in moved.headlines


async def test_what_a_removed_receiver_was_spared_is_given_up(make_service: MakeService) -> None:
    """What is kept back for nobody must be shown as such, like whatever else is."""
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel())
    await service.start(WHOLE)
    silence(service, f"account={ACCOUNT}", hours=1)
    await service.poll(WHOLE)
    later = make_service(service.source, sales=move("deals"), routes=DEALS)
    await later.start(WHOLE)
    await later.pass_time(2 * HOUR)
    (letter,) = later.database.read_now(lambda connection: list_letters(connection, [DeliveryState.DEAD]))
    assert (letter.receiver, letter.error_code) == ("sales", "no_receiver")


async def test_the_backlog_of_a_moved_receiver_is_one_card_a_case(make_service: MakeService) -> None:
    """What waited for the old channel must become the one card in the new."""
    service = await begin(make_service, sales=make_channel("sales", DeliveryUnavailable("down")))
    moved = move()
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    await later.poll(WHOLE, patience_seconds=60)
    later.source.show(make_account(ENABLED))
    await later.poll(WHOLE, patience_seconds=60)
    assert moved.forms.count(MESSAGE) == 1
    assert UPDATE in moved.forms


async def test_the_news_of_a_standing_card_are_one_card_where_its_receiver_is(
    make_service: MakeService,
) -> None:
    """What waited beside a card that stands must become the card in the new channel."""
    service = await begin(make_service)
    service.sales.errors = [DeliveryUnavailable("down")]
    service.source.show(REPLACED)
    await service.poll(WHOLE)
    moved = move()
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    later.source.show(make_account(ENABLED))
    await later.poll(WHOLE, patience_seconds=60)
    assert moved.forms.count(MESSAGE) == 1


async def test_a_moved_receiver_is_reminded_once(make_service: MakeService) -> None:
    """The card that was left behind must not remind beside the one that has taken its place."""
    service = await begin(make_service)
    moved = move()
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    later.source.show(REPLACED)
    await later.poll(WHOLE)
    for _ in range(11):
        await later.pass_time(4 * HOUR)
    assert len(list_reminders(moved)) == 1


async def test_a_moved_receiver_is_reminded_without_any_news(make_service: MakeService) -> None:
    """What was told in the old channel must be reminded of in the new one, with a card to sign from."""
    service = await begin(make_service)
    moved = move()
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    for _ in range(11):
        await later.pass_time(4 * HOUR)
    assert moved.forms == [MESSAGE]
    assert len(service.sales.taken) == 1


async def test_a_receiver_that_comes_back_takes_its_cards_up_again(make_service: MakeService) -> None:
    """A card that was left behind must be kept current by its receiver when that is back."""
    service = await begin(make_service)
    away = make_service(service.source, sales=move())
    await away.start(WHOLE)
    back = make_service(service.source, sales=service.sales)
    await back.start(WHOLE)
    back.source.show(make_account(ENABLED))
    await back.poll(WHOLE, patience_seconds=60)
    assert service.sales.forms == [MESSAGE, UPDATE, Form.REPLY]


async def test_the_backlog_of_a_moved_receiver_is_a_digest(make_service: MakeService) -> None:
    """The storm guard must see what waited for the old channel."""
    errors = [DeliveryUnavailable("down")] * 30
    service = make_service(ask_for_many(5), sales=make_channel("sales", *errors), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(ask_for_many(60).accounts[ACCOUNT])
    await service.poller.poll(WHOLE)
    moved = move()
    later = make_service(service.source, sales=moved, storm_cards=10)
    await later.start(WHOLE)
    await later.poll(WHOLE, patience_seconds=100)
    assert moved.forms.count(MESSAGE) <= 11


async def test_the_pages_of_a_moved_digest_stay_in_its_thread(make_service: MakeService) -> None:
    """A digest that waited for the old channel must be one message in the new, with its thread."""
    errors = [DeliveryUnavailable("down")] * 3
    service = make_service(ask_for_many(200), sales=make_channel("sales", *errors), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    moved = move()
    later = make_service(service.source, sales=moved, storm_cards=10)
    await later.start(WHOLE)
    await later.poll(WHOLE, patience_seconds=100)
    assert moved.forms.count(MESSAGE) == 1


async def test_two_receivers_that_meet_are_told_once(make_service: MakeService) -> None:
    """What waits for two channels that are one by now must be told once."""
    routes = (Route(("sales", "oncall"), name="all"),)
    down = [DeliveryUnavailable("down")]
    sales, oncall = make_channel("sales", *down), make_channel("oncall", *down)
    service = make_service(FakeSource(make_account(PENDING)), sales=sales, oncall=oncall, routes=routes)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    both = [move("sales", "one"), move("oncall", "one")]
    both[1].taken, both[1].places = both[0].taken, both[0].places
    later = make_service(service.source, sales=both[0], oncall=both[1], routes=routes)
    await later.start(WHOLE)
    await later.poll(WHOLE, patience_seconds=60)
    assert both[0].forms == [MESSAGE]
