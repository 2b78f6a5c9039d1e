"""What silences and intervals keep back, and what is said when they end."""

from datetime import UTC, timedelta

from notifier.domain.delivery import Form
from notifier.domain.intervals import TimeInterval
from notifier.domain.model import ConnectionKey, Event, SignatureLink
from notifier.domain.routes import DEFAULT_ROUTES, Route
from notifier.domain.silences import Silence, read_matcher
from notifier.domain.watch import AccountTarget
from notifier.store.report import read_status
from notifier.store.silences import add_silence, expire_silences, on
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.service.conftest import MakeService, Service, of_many
from tests.service.test_cards import ENABLED, PENDING, ask_for_many, begin, make_channel

WHOLE = AccountTarget("dintero", ACCOUNT)
HOUR = timedelta(hours=1)
MESSAGE, REPLY, UPDATE = Form.MESSAGE, Form.REPLY, Form.UPDATE


def silence(service: Service, *matchers: str, hours: float = 4, name: str = "s1") -> None:
    """Begin a silence now."""
    now = service.clock.now()
    made = Silence(
        name, tuple(map(read_matcher, matchers)), "ann", "a migration", now, now, now + hours * HOUR
    )
    service.database.run_now(lambda books: on(books, lambda connection: add_silence(connection, made)))


async def test_a_silence_keeps_back_and_then_tells_what_is_true(make_service: MakeService) -> None:
    """What happens in a silence must be one message when it ends, with the state of then."""
    service = await begin(make_service)
    silence(service, f"account={ACCOUNT}")
    await service.pass_time(HOUR)
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed", 50))))
    await service.poll(WHOLE)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert service.sales.headlines[:2] == ["Signature needed", "A silence has begun"]
    assert set(service.sales.forms[2:]) == {UPDATE}, "the card tells the truth all the while"
    before = len(service.sales.taken)
    await service.pass_time(4 * HOUR)
    after = service.sales.taken[before:]
    said = {one.headline: place for one, place in zip(after, service.sales.places[before:], strict=True)}
    assert set(said) == {"A silence has ended", "Signed: the connection is enabled"}
    assert len(after) == 2
    assert said["Signed: the connection is enabled"].root == "1.0"
    assert said["A silence has ended"].is_broadcast
    outbox = service.database.read_now(read_status).outbox
    assert "muted" not in outbox


async def test_a_case_that_began_in_a_silence_gets_one_card(make_service: MakeService) -> None:
    """A signup that came and moved in a silence must be one card with its present state."""
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel())
    await service.start(WHOLE)
    silence(service, "connection=vipps")
    await service.poll(WHOLE)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert service.sales.taken == []
    await service.pass_time(5 * HOUR)
    assert [one.headline for one in service.sales.taken] == ["Signed: the connection is enabled"]
    assert service.sales.forms == [MESSAGE]


async def test_a_silence_about_something_else_keeps_nothing_back(make_service: MakeService) -> None:
    """A silence is about what it matches, and nothing more."""
    service = await begin(make_service)
    silence(service, "connection=klarna|swish")
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]


async def test_an_expired_silence_ends_at_once(make_service: MakeService) -> None:
    """Whoever ends a silence early must get what it kept back with the next look."""
    service = await begin(make_service)
    silence(service, "event=enabled")
    await service.pass_time(HOUR)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    now = service.clock.now()
    service.database.run_now(lambda books: on(books, lambda one: expire_silences(one, ["s1"], now)))
    await service.pass_time(timedelta(seconds=20))
    assert set(service.sales.headlines[-2:]) == {"A silence has ended", "Signed: the connection is enabled"}


async def test_what_is_silenced_is_not_reminded_of(make_service: MakeService) -> None:
    """No reminder comes in a silence, and one after it, however many were due."""
    service = await begin(make_service)
    silence(service, "connection=vipps", hours=8 * 24)
    for _ in range(12):
        await service.pass_time(12 * HOUR)
    assert not any("Reminder" in one for one in service.sales.headlines)
    for _ in range(8):
        await service.pass_time(12 * HOUR)
    assert sum("Reminder" in one for one in service.sales.headlines) == 1


async def test_an_interval_keeps_back_until_it_ends(make_service: MakeService) -> None:
    """A route that is mute now must tell when it no longer is."""
    hour = NOW.hour * 60
    nights = {"now": TimeInterval("now", UTC, times=((hour, hour + 60),))}
    routes = (Route(("sales",), mute_intervals=("now",), name="quiet"), *DEFAULT_ROUTES)
    service = await begin(make_service, routes=routes, intervals=nights)
    assert service.sales.taken == []
    await service.pass_time(2 * HOUR)
    assert service.sales.headlines == ["Signature needed"]


async def test_a_silence_is_announced_once_across_restarts(make_service: MakeService) -> None:
    """The beginning and the end of a silence must be said once each."""
    service = await begin(make_service)
    silence(service, f"account={ACCOUNT}", hours=1)
    for _ in range(3):
        await service.pass_time(timedelta(minutes=5))
    again = make_service(service.source, sales=service.sales)
    await again.start(WHOLE)
    for _ in range(3):
        await again.pass_time(HOUR)
    told = [one for one in service.sales.headlines if "silence" in one]
    assert told == ["A silence has begun", "A silence has ended"]


async def test_what_is_quiet_for_long_keeps_nothing_else_back(make_service: MakeService) -> None:
    """Hundreds of messages under a long silence must not hide those whose own silence has ended."""
    many = ask_for_many(520)
    service = make_service(many, sales=make_channel())
    await service.start(WHOLE)
    silence(service, "connection=bank-*", hours=24 * 30, name="long")
    silence(service, "connection=swish-*", hours=1, name="short")
    await service.poll(WHOLE)
    keys = [ConnectionKey(ACCOUNT, f"swish-{number}") for number in range(20)]
    others = [make_connection("pending", make_request(7), key=key) for key in keys]
    service.source.show(make_account(*many.accounts[ACCOUNT].connections, *others))
    await service.poll(WHOLE)
    await service.pass_time(2 * HOUR)
    told = [one.connection for one in service.sales.taken if one.topic == "signature_required"]
    assert sorted(told) == sorted(key.name for key in keys)


async def test_each_message_is_quiet_for_a_reason_of_its_own(make_service: MakeService) -> None:
    """What may be told again must be told, though something newer of its case may not; that comes later."""
    service = await begin(make_service)
    silence(service, "status=failed", hours=1, name="short")
    failed = make_request(), make_outcome("failed", 50)
    service.source.show(make_account(make_connection("failed", *failed)))
    await service.poll(WHOLE)
    silence(service, "event=signature_required|link_replaced", hours=24, name="long")
    link = SignatureLink("https://sign.example.com/9")
    late = Event("event-60", "pending", "signature_required", NOW - timedelta(minutes=5), link=link)
    service.source.show(make_account(make_connection("failed", *failed, late)))
    await service.poll(WHOLE)
    await service.pass_time(2 * HOUR)
    said = list(zip(service.sales.forms, service.sales.headlines, strict=True))
    assert (REPLY, "The connection failed") in said
    assert service.database.read_now(read_status).outbox["muted"]
    await service.pass_time(24 * HOUR)
    assert "muted" not in service.database.read_now(read_status).outbox


async def test_a_card_is_muted_by_the_route_of_its_news(make_service: MakeService) -> None:
    """What a route without intervals is for must be told at once on a card that a mute route has opened."""
    routes = (
        Route(("sales",), statuses=("failed",), name="urgent"),
        Route(("sales",), name="rest", mute_intervals=("night",)),
    )
    service = await begin(make_service, routes=routes)
    nights = {"night": TimeInterval("night")}
    night = make_service(service.source, sales=service.sales, routes=routes, intervals=nights)
    await night.start(WHOLE)
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed"))))
    await night.poll(WHOLE)
    assert (REPLY, "The connection failed") in zip(service.sales.forms, service.sales.headlines, strict=True)


@of_many
async def test_a_silence_is_said_where_its_cases_stand(make_service: MakeService) -> None:
    """A channel must learn of a silence of its case, however many newer cases there are elsewhere."""
    routes = (Route(("oncall",), connections=("vipps",), name="v"), Route(("sales",), name="all"))
    sales, oncall = make_channel(), make_channel("oncall")
    service = await begin(make_service, sales=sales, oncall=oncall, routes=routes)
    many = ask_for_many(510).accounts[ACCOUNT].connections
    service.source.show(make_account(PENDING, *many))
    await service.poll(WHOLE)
    silence(service, "connection=vipps")
    await service.pass_time(timedelta(0))
    assert "A silence has begun" in oncall.headlines
    assert "A silence has begun" not in sales.headlines


async def test_a_silence_is_not_said_where_nothing_waits(make_service: MakeService) -> None:
    """A case that was signed must not make its channel hear of silences."""
    routes = (Route(("oncall",), connections=("vipps",), name="v"), Route(("sales",), name="all"))
    sales, oncall = make_channel(), make_channel("oncall")
    service = await begin(make_service, sales=sales, oncall=oncall, routes=routes)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    silence(service, "connection=vipps")
    await service.pass_time(timedelta(0))
    assert "A silence has begun" not in oncall.headlines
    assert "A silence has begun" in sales.headlines


async def test_a_reminder_that_is_on_its_way_stops_for_a_silence(make_service: MakeService) -> None:
    """A silence that begins after a reminder was made must keep that back too."""
    service = await begin(make_service)
    service.clock.advance(timedelta(days=3).total_seconds())
    await service.reminders.tend()
    silence(service, "connection=vipps", hours=1)
    await service.dispatcher.drain(5)
    assert not any("Reminder" in one for one in service.sales.headlines)
    await service.pass_time(2 * HOUR)
    assert sum("Reminder" in one for one in service.sales.headlines) == 1
