"""What only time brings about, with a real store behind it: told once, and never looked at without end."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from notifier.domain.change import Topic
from notifier.domain.model import ConnectionSnapshot, Event, Signup
from notifier.domain.reminders import Escalation, Schedule
from notifier.domain.routes import Route
from notifier.domain.watch import PartnerTarget
from notifier.errors import DeliveryUnavailable, SourceUnavailable
from notifier.service.reminders import ReminderKeeper
from notifier.store.books import Books
from tests.fakes import (
    ACCOUNT,
    NOW,
    VIPPS,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_request,
)
from tests.service.conftest import MakeService, Service, of_many
from tests.service.test_cards import PENDING, REPLY, UPDATE, WHOLE, ask_for_many, begin, make_channel
from tests.service.test_quiet import silence

BOTH = (Route(("sales", "oncall"), name="all"),)
PARTNER = PartnerTarget("dintero", "P10000000")
NEVER = timedelta(0)
OFFICE_HOUR = timedelta(days=1, hours=22)
"""From the Sunday of `NOW` to a Tuesday at ten."""
ESCALATES = Schedule(
    after=(),
    escalations=(Escalation(timedelta(days=2), "<!subteam^S012ABCDE>", ("oncall",)),),
    expiring_before=NEVER,
)
EXPIRED, SOON = "The application expired unsigned", "The application expires soon, and is not signed"
STALE = "Dintero has said nothing about this application for long"


async def look(keeper: ReminderKeeper, service: Service, rounds: int = 15) -> list[float]:
    """Look as often, each time when the look before asked for it; return the seconds in between."""
    waits: list[float] = []
    for _ in range(rounds):
        waits.append(await keeper.tend())
        service.clock.advance(waits[-1])
    return waits


async def live(service: Service, days: float, *, hours: float = 6, reads: bool = False) -> None:
    """Let days pass, some hours at a time."""
    for _ in range(int(days * 24 / hours)):
        if reads:
            await service.poll(PARTNER)
        await service.pass_time(timedelta(hours=hours))


async def grow_old(service: Service, days: int) -> None:
    """Let days pass with the retention at work: of what is older than ninety days nothing is left."""
    for _ in range(days // 5):
        await service.pass_time(timedelta(days=5))
        before = service.clock.now() - timedelta(days=90)
        while service.database.run_now(partial(Books.prune, before=before, most=200)):
            pass


def count(receiver: FakeReceiver, headline: str) -> int:
    """Return how often something was said, updates of cards aside."""
    told = zip(receiver.forms, receiver.headlines, strict=True)
    return sum(headline in said for form, said in told if form is not UPDATE)


def show(service: Service, days: int, number: int) -> None:
    """Let Dintero show a signup that ends so many days after the beginning, with another link."""
    signup = Signup("signup-1", NOW - timedelta(days=1), NOW + timedelta(days=days))
    request = make_request(link=f"https://sign.example.com/{number}")
    service.source.show(
        make_account(ConnectionSnapshot(VIPPS, "pending", signups=(signup,), events=(request,)))
    )


# --- No look without end


async def test_an_end_on_two_cards_is_told_and_done(make_service: MakeService) -> None:
    """An expired case with two cards must be told once to each, and not be looked at without end."""
    source = FakeSource(make_account(PENDING))
    oncall = make_channel("oncall")
    service = make_service(source, sales=make_channel(), oncall=oncall, routes=BOTH)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.clock.advance(timedelta(days=14).total_seconds())
    waits = await look(service.reminders, service)
    assert min(waits[-5:]) > 1
    await service.dispatcher.drain(5)
    assert [count(one, EXPIRED) for one in (service.sales, oncall)] == [1, 1]


async def test_an_end_of_a_receiver_that_has_moved_is_done(make_service: MakeService) -> None:
    """Where a receiver has moved there are two cards for it: their end must not be looked at for ever."""
    service = await begin(make_service)
    moved = make_channel()
    moved.destination = "new channel"
    later = make_service(service.source, sales=moved)
    await later.start(WHOLE)
    show(later, 13, 2)
    await later.poll(WHOLE)
    later.clock.advance(timedelta(days=14).total_seconds())
    assert min((await look(later.reminders, later))[-5:]) > 1


async def test_what_is_due_in_a_silence_is_looked_at_now_and_then(make_service: MakeService) -> None:
    """A reminder that is due in business hours, and silenced, must wait some minutes at a time."""
    service = await begin(make_service)
    silence(service, f"account={ACCOUNT}", hours=24 * 30)
    service.clock.advance(OFFICE_HOUR.total_seconds())
    assert min((await look(service.reminders, service))[-5:]) > 1


@of_many
async def test_two_hundred_silenced_are_one_look(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many cards as one look takes, all of them silenced, must not keep it from coming to its end."""
    service = make_service(ask_for_many(200), sales=make_channel())
    await service.start(WHOLE)
    await service.poll(WHOLE)
    silence(service, f"account={ACCOUNT}", hours=24 * 30)
    service.clock.advance(OFFICE_HOUR.total_seconds())
    looks: list[datetime] = []
    take_turns = service.reminders._take_turns

    def count_looks(books: Books) -> tuple[int, int, datetime | None]:
        looks.append(service.clock.now())
        return take_turns(books)

    monkeypatch.setattr(service.reminders, "_take_turns", count_looks)
    await service.reminders.tend()
    assert len(looks) <= 2


# --- What cannot be read


async def test_an_odd_account_keeps_no_others_reminders_back(make_service: MakeService) -> None:
    """Of what was read must be reminded, although something else in the same answer is not understood."""
    odd = replace(make_account(account_id="P99999999"), problems=("P99999999: an event has a new shape",))
    service = make_service(FakeSource(make_account(PENDING), odd), sales=make_channel())
    await service.start(PARTNER)
    await service.poll(PARTNER)
    await live(service, 3, reads=True)
    assert count(service.sales, "Reminder") == 2


async def test_another_partner_that_is_down_holds_nothing_back(make_service: MakeService) -> None:
    """A walk that fails must keep back what it reads, and nothing else."""
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel())
    await service.start(PARTNER)
    await service.poll(PARTNER)
    service.database.run_now(lambda books: books.save_problem("dintero: accounts of P20000000", "down", NOW))
    await live(service, 3, reads=True)
    assert count(service.sales, "Reminder") == 2


async def test_a_walk_that_fails_keeps_its_reminders_back(make_service: MakeService) -> None:
    """Nobody may be reminded of what may be signed by now: it cannot be read."""
    other = make_account(account_id="P99999999")
    service = make_service(FakeSource(make_account(PENDING), other), sales=make_channel())
    await service.start(PARTNER)
    await service.poll(PARTNER)
    service.source.errors = [SourceUnavailable("down")] * 60
    await live(service, 3, reads=True)
    assert count(service.sales, "Reminder") == 0


# --- Escalations


async def test_an_escalation_is_told_once_to_whom_it_names(make_service: MakeService) -> None:
    """A case with two cards must escalate once, and whoever it names is not reminded from then on."""
    service = make_service(
        FakeSource(make_account(PENDING)),
        sales=make_channel(),
        oncall=make_channel("oncall"),
        schedule=replace(ESCALATES, after=(timedelta(days=4),)),
    )
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.database.run_now(_copy_card)
    await live(service, 10)
    assert len([form for form in service.oncall.forms if form is not UPDATE]) == 1


def _copy_card(books: Books) -> None:
    (card,) = books.cards.list_due(NOW, 10)
    books.cards.open([card._replace(destination="elsewhere", receiver="elsewhere")])


async def test_whoever_an_escalation_names_is_mentioned(make_service: MakeService) -> None:
    """The card that an escalation opens must mention as its replies do."""
    oncall = make_channel("oncall")
    service = make_service(
        FakeSource(make_account(PENDING)), sales=make_channel(), oncall=oncall, schedule=ESCALATES
    )
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await live(service, 3)
    assert [one.mentions for one in service.oncall.taken] == [("<!subteam^S012ABCDE>",)]


async def test_an_escalation_mentions_where_there_are_no_threads(make_service: MakeService) -> None:
    """A reminder that stands by itself must mention whom the escalation names."""
    service = make_service(FakeSource(make_account(PENDING)), sales=FakeReceiver("sales"), schedule=ESCALATES)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await live(service, 3)
    assert [one.mentions for one in service.sales.taken] == [(), ("<!subteam^S012ABCDE>",)]


async def test_a_reminder_in_the_channel_mentions_without_threads(make_service: MakeService) -> None:
    """From `channel_from` on a reminder that stands by itself must have its receiver's mention."""
    service = make_service(
        FakeSource(make_account(PENDING)), sales=FakeReceiver("sales"), schedule=Schedule(channel_from=1)
    )
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await live(service, 3)
    assert [one.wants_mention for one in service.sales.taken] == [False, True, True]


# --- Once, for ever


async def test_stale_is_reported_once_after_retention_too(make_service: MakeService) -> None:
    """That nothing was heard must not be told again when the message about it is forgotten."""
    connection = make_connection("pending", make_request(), signup_id=None)
    schedule = Schedule(after=(), expiring_before=NEVER, stale_after=timedelta(days=10))
    service = make_service(FakeSource(make_account(connection)), sales=make_channel(), schedule=schedule)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await grow_old(service, 150)
    assert count(service.sales, STALE) == 1


async def test_expired_is_told_once_after_retention_too(make_service: MakeService) -> None:
    """A late event must not tell the end again when the message about it is forgotten."""
    service = await begin(make_service)
    await service.pass_time(timedelta(days=14))
    await grow_old(service, 100)
    assert count(service.sales, EXPIRED) == 1
    note = Event("event-9", "pending", "note_added", NOW)
    service.source.show(make_account(make_connection("pending", make_request(), note)))
    await service.poll(WHOLE)
    await service.pass_time(timedelta(hours=1))
    assert count(service.sales, EXPIRED) == 1


async def test_an_end_that_was_put_off_is_announced_again(make_service: MakeService) -> None:
    """A new link with a later end must be announced before that end as well."""
    service = await begin(make_service)
    await live(service, 12)
    assert count(service.sales, SOON) == 1
    show(service, 40, 2)
    await service.poll(WHOLE)
    await live(service, 27)
    assert count(service.sales, SOON) == 2


# --- What has not arrived


async def test_reminders_do_not_pile_up_while_a_receiver_is_down(make_service: MakeService) -> None:
    """When a receiver is back after days it must get the card, and no reminder on top of it."""
    sales = make_channel()
    sales.errors = [DeliveryUnavailable("down")] * 500
    service = make_service(FakeSource(make_account(PENDING)), sales=sales)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    for _ in range(10):
        await service.pass_time(timedelta(days=1), patience_seconds=10)
    sales.errors = []
    await service.pass_time(timedelta(hours=1), patience_seconds=4000)
    assert count(sales, "Signature needed") == 1
    assert count(sales, "Reminder") == 0


async def test_one_reminder_waits_for_a_receiver_that_is_down(make_service: MakeService) -> None:
    """Of the reminders that are due meanwhile one must be sent, with the rest to come in their time."""
    service = await begin(make_service)
    service.sales.errors = [DeliveryUnavailable("down")] * 500
    for _ in range(9):
        await service.pass_time(timedelta(days=1), patience_seconds=10)
    service.sales.errors = []
    await service.dispatcher.drain(4000)
    assert service.sales.forms.count(REPLY) == 1


async def test_nobody_is_reminded_of_what_nobody_was_told(make_service: MakeService) -> None:
    """After a silence the card must come alone: its reminders count from then on."""
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel())
    await service.start(WHOLE)
    silence(service, f"account={ACCOUNT}", hours=46)
    await service.poll(WHOLE)
    service.clock.advance(timedelta(hours=46).total_seconds())
    await service.quiet.tend()
    await service.reminders.tend()
    await service.dispatcher.drain(1)
    assert {one.topic for one in service.sales.taken}.isdisjoint({Topic.REMINDER, Topic.EXPIRES_SOON})
    await live(service, 1.5)
    assert count(service.sales, "Reminder") == 1
