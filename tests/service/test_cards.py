"""One message a signup, kept current, with its news in the thread: with a real store behind it."""

from datetime import timedelta

import pytest

from notifier.domain.delivery import Form, Traits
from notifier.domain.first_run import FirstRun
from notifier.domain.message import Link, Message
from notifier.domain.model import ConnectionKey, Event
from notifier.domain.routes import Route
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryRejected, DeliveryUnavailable
from notifier.receivers.slack.blocks import render
from notifier.store.report import read_status
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
from tests.service.conftest import MakeService, Service, of_many

WHOLE = AccountTarget("dintero", ACCOUNT)
MESSAGE, REPLY, UPDATE = Form.MESSAGE, Form.REPLY, Form.UPDATE
PENDING = make_connection("pending", make_request())
ENABLED = make_connection("enabled", make_request(), make_outcome("enabled"))
GONE = DeliveryRejected("the message is gone", code="message_not_found", scope="root")


def make_channel(name: str = "sales", *errors: Exception) -> FakeReceiver:
    """Return a receiver whose messages can be updated and replied to."""
    channel = FakeReceiver(name, *errors)
    channel.traits = Traits(has_threads=True)
    channel.can_be_asked = True
    return channel


async def begin(make_service: MakeService, sales: FakeReceiver | None = None, **how: object) -> Service:
    """Return a service that has told of one request."""
    service = make_service(FakeSource(make_account(PENDING)), sales=sales or make_channel(), **how)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    return service


async def test_the_first_word_is_a_card_and_the_rest_its_thread(make_service: MakeService) -> None:
    """A signature that was given must change the card in its place, and be told in its thread and channel."""
    service = await begin(make_service)
    card = service.sales.taken[0]
    assert isinstance(card.action, Link)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]
    _, update, reply = service.sales.taken
    assert (update.headline, update.action) == ("Signed: the connection is enabled", None)
    assert (reply.headline, reply.action) == ("Signed: the connection is enabled", None)
    assert [place.root for place in service.sales.places[1:]] == ["1.0", "1.0"]
    assert service.sales.places[2].is_broadcast


async def test_a_card_has_its_time_line(make_service: MakeService) -> None:
    """A card must show what was done and what is not done yet."""
    service = await begin(make_service)
    steps = [(step.label, step.is_done) for step in service.sales.taken[0].steps]
    assert steps == [("Applied", True), ("Signature asked for", True), ("Signed", False)]


async def test_the_link_stands_on_the_card_alone(make_service: MakeService) -> None:
    """A replaced link must be on the card, and be said once in the thread, without the link."""
    service = await begin(make_service)
    again = make_connection("pending", make_request(link="https://sign.example.com/2"))
    service.source.show(make_account(again))
    await service.poll(WHOLE)
    _, update, reply = service.sales.taken
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]
    assert isinstance(update.action, Link)
    assert update.action.url.endswith("/2")
    assert reply.action is None
    assert not service.sales.places[2].is_broadcast


async def test_updates_of_a_card_become_one(make_service: MakeService) -> None:
    """What has changed several times while nothing could be sent must be one update, to the newest state."""
    service = await begin(make_service)
    service.sales.errors = [DeliveryUnavailable("down")]
    failed = make_connection("failed", make_request(), make_outcome("failed", 50))
    service.source.show(make_account(failed))
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("enabled", *failed.events, make_outcome("enabled"))))
    await service.poll(WHOLE, patience_seconds=60)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY, REPLY]
    assert service.sales.list_as(UPDATE)[0].headline == "Signed: the connection is enabled"


async def test_an_unclear_update_is_repeated_without_a_look(make_service: MakeService) -> None:
    """An update may be made twice: nobody has to be asked whether it was taken."""
    service = await begin(make_service)
    service.sales.errors = [DeliveryAmbiguous("cut", code="taken")]
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE, patience_seconds=60)
    assert service.sales.asked == []
    assert service.sales.forms == [MESSAGE, UPDATE, UPDATE, REPLY]


async def test_a_card_that_is_gone_is_posted_anew_once(make_service: MakeService) -> None:
    """After the second loss only the thread goes on."""
    service = await begin(make_service)
    service.sales.errors = [GONE]
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed"))))
    await service.poll(WHOLE, patience_seconds=1)
    assert service.sales.forms == [MESSAGE, MESSAGE, REPLY]
    assert service.sales.places[2].root == "2.0"
    service.sales.errors = [GONE]
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE, patience_seconds=1)
    assert service.sales.forms == [MESSAGE, MESSAGE, REPLY, REPLY]
    assert service.database.read_now(read_status).outbox.get("dead", 0) == 0


async def test_a_reply_without_its_thread_becomes_a_card(make_service: MakeService) -> None:
    """What cannot be said in a thread that is gone must be said all the same."""
    service = await begin(make_service)
    service.source.show(make_account(ENABLED))
    await service.poller.poll(WHOLE)
    service.sales.errors = [GONE, GONE]
    await service.dispatcher.drain(1)
    assert service.sales.forms[0] is MESSAGE
    assert service.sales.headlines[-1] == "Signed: the connection is enabled"
    assert len(service.sales.list_as(MESSAGE)) >= 2


async def test_a_newer_signup_gets_a_card_and_closes_the_old_one(make_service: MakeService) -> None:
    """A second application must be a message of its own, and the first must not offer its link any more."""
    service = await begin(make_service)
    second = make_connection("pending", make_request(2, "https://sign.example.com/2"), signup_id="signup-2")
    service.source.show(make_account(second))
    await service.poll(WHOLE)
    assert sorted(service.sales.forms) == sorted([MESSAGE, UPDATE, MESSAGE])
    (closed,) = service.sales.list_as(UPDATE)
    assert closed.headline == "A newer application has taken its place"
    assert closed.action is None
    assert len({one.case_id for one in service.sales.list_as(MESSAGE)}) == 2


async def test_without_threads_each_state_is_a_message_and_marked(make_service: MakeService) -> None:
    """A webhook must get one message for each state that matters, told from the first by its mark."""
    service = await begin(make_service, FakeReceiver("sales"))
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, MESSAGE]
    assert [one.mark for one in service.sales.taken] == ["", "Update"]


async def test_receivers_are_fixed_when_a_case_opens(make_service: MakeService) -> None:
    """Whoever was told of a request must hear its end, whatever the routes say by then."""
    service = await begin(make_service)
    later = make_service(
        service.source,
        sales=service.sales,
        routes=(Route(("oncall",), statuses=("enabled",), name="new"),),
    )
    service.source.show(make_account(ENABLED))
    await later.start(WHOLE)
    await later.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]
    assert len(later.oncall.taken) == 1


async def test_a_failure_opens_a_card_for_oncall_too(make_service: MakeService) -> None:
    """On-call hears what is broken from the start of that, with a mention; sales in its thread."""
    service = make_service(
        FakeSource(make_account(PENDING)), sales=make_channel(), oncall=make_channel("oncall")
    )
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed"))))
    await service.poll(WHOLE)
    assert service.oncall.forms == [MESSAGE]
    assert service.oncall.taken[0].wants_mention
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]


async def test_a_restart_carries_a_card_on(make_service: MakeService) -> None:
    """Where a card stands must outlive the process."""
    service = await begin(make_service)
    again = make_service(FakeSource(make_account(ENABLED)), sales=service.sales)
    await again.start(WHOLE)
    await again.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]


# --- Time


async def remind(service: Service, *days: float) -> list[Message]:
    """Let days pass, one span after the other, and return what is said in the thread."""
    before = len(service.sales.list_as(REPLY))
    for span in days:
        await service.pass_time(timedelta(days=span))
    return service.sales.list_as(REPLY)[before:]


async def test_reminders_come_in_the_thread(make_service: MakeService) -> None:
    """An unsigned signup must be reminded of by the schedule, with the card counting."""
    service = await begin(make_service)
    said = await remind(service, *[0.25] * 16)
    assert [one.headline for one in said] == ["Reminder: the signature is still missing"] * 2
    assert all(one.action is None for one in said)
    assert ("Reminded 2 times", True) in [
        (s.label, s.is_done) for s in service.sales.list_as(UPDATE)[-1].steps
    ]
    assert len(service.sales.list_as(MESSAGE)) == 1


async def test_after_days_off_one_reminder_comes(make_service: MakeService) -> None:
    """What was missed while the notifier was off must be one reminder, not several."""
    service = await begin(make_service)
    assert len(await remind(service, 8, 0.3, 0.3, 0.3)) == 1


@pytest.mark.parametrize("ends", ["enabled", "declined", "failed"])
async def test_reminders_stop_at_once(make_service: MakeService, ends: str) -> None:
    """What is signed, declined or failed must not be reminded of, not even by what is on its way."""
    service = await begin(make_service)
    service.clock.advance(timedelta(days=8).total_seconds())
    await service.reminders.tend()
    service.source.show(make_account(make_connection(ends, make_request(), make_outcome(ends))))
    await service.poll(WHOLE)
    await remind(service, 1, 1, 1)
    assert not any("Reminder" in one.headline for one in service.sales.list_as(REPLY))


async def test_a_replaced_link_begins_the_reminders_anew(make_service: MakeService) -> None:
    """After another link the first reminder comes a day later, and counts from one."""
    service = await begin(make_service)
    assert len(await remind(service, 2.5, 0.5)) == 1
    service.source.show(
        make_account(make_connection("pending", make_request(link="https://sign.example.com/2")))
    )
    await service.poll(WHOLE)
    assert service.sales.list_as(REPLY)[-1].headline.startswith("New signature link")
    assert await remind(service, 0.2) == []
    assert len(await remind(service, 1.8, 0.4, 0.4)) == 1


async def test_an_end_is_announced_and_told(make_service: MakeService) -> None:
    """Before a signup expires, and when it has, people must hear it; in the channel when it is over."""
    service = await begin(make_service)
    said = await remind(service, *[0.25] * 60)
    headlines = [one.headline for one in said]
    assert headlines.count("The application expires soon, and is not signed") == 1
    assert headlines[-1] == "The application expired unsigned"
    assert service.sales.places[-1].is_broadcast
    assert service.sales.list_as(UPDATE)[-1].headline == "The application expired unsigned"
    assert service.sales.list_as(UPDATE)[-1].action is None
    assert await remind(service, 5, 5, 5) == []


async def test_enabled_after_its_end_opens_the_same_card(make_service: MakeService) -> None:
    """A signature that comes too late, and counts all the same, must be told on the card that expired."""
    service = await begin(make_service)
    await remind(service, 15, 1)
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    assert len(service.sales.list_as(MESSAGE)) == 1
    assert service.sales.list_as(UPDATE)[-1].headline == "Signed: the connection is enabled"


# --- Storms


def ask_for_many(count: int) -> FakeSource:
    """Return an account with so many requests."""
    keys = [ConnectionKey(ACCOUNT, f"bank-{number:03}") for number in range(count)]
    return FakeSource(make_account(*(make_connection("pending", make_request(), key=key) for key in keys)))


async def test_a_few_go_out_singly(make_service: MakeService) -> None:
    """As many cards as are allowed must leave at once, each by itself."""
    service = make_service(ask_for_many(10), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.forms == [MESSAGE] * 10
    assert {one.topic for one in service.sales.taken} == {"signature_required"}


@pytest.mark.parametrize("has_threads", [True, False])
async def test_five_hundred_at_once_are_one_digest(make_service: MakeService, has_threads: bool) -> None:
    """A first run with hundreds of open signups must post one message, with all of them in its thread."""
    sales = make_channel() if has_threads else FakeReceiver("sales")
    service = make_service(ask_for_many(500), sales=sales, storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    digest, *pages = service.sales.taken
    assert digest.headline == "500 applications at once"
    assert digest.lines[0].label == "500 signatures needed"
    assert [one.topic for one in pages] == ["digest_page"] * 25
    assert len({line.value for page in pages for line in page.lines}) == 500
    if has_threads:
        assert service.sales.forms == [MESSAGE, *[REPLY] * 25]
    await service.dispatcher.drain(200)
    assert len(service.sales.taken) == 26


async def test_what_is_over_the_limit_becomes_a_digest(make_service: MakeService) -> None:
    """After ten cards within a minute, those that follow must be gathered; later ones are single again."""
    service = make_service(ask_for_many(10), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(ask_for_many(14).accounts[ACCOUNT])
    await service.poll(WHOLE, patience_seconds=30)
    assert service.sales.forms == [*[MESSAGE] * 11, REPLY]
    assert service.sales.taken[10].headline == "4 applications at once"
    service.clock.advance(120)
    service.source.show(ask_for_many(15).accounts[ACCOUNT])
    await service.poll(WHOLE)
    assert service.sales.taken[-1].headline == "Signature needed"


async def test_a_case_of_a_digest_gets_its_card_when_it_changes(make_service: MakeService) -> None:
    """What was told in a digest must have a message of its own at its next change."""
    service = make_service(ask_for_many(12), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    key = ConnectionKey(ACCOUNT, "bank-003")
    shown = list(service.source.accounts[ACCOUNT].connections)
    shown[3] = make_connection("enabled", make_request(), make_outcome("enabled"), key=key)
    service.source.show(make_account(*shown))
    await service.poll(WHOLE)
    assert service.sales.forms == [MESSAGE, REPLY, MESSAGE]
    assert service.sales.taken[-1].headline == "Signed: the connection is enabled"
    assert service.sales.taken[-1].connection == "bank-003"


async def test_the_next_reminder_of_a_digests_case_is_its_card(make_service: MakeService) -> None:
    """A reminder of what was told in a digest must be a card with the link."""
    service = make_service(ask_for_many(12), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    shown = [
        one
        if number < 3
        else make_connection("enabled", make_request(), make_outcome("enabled"), key=one.key)
        for number, one in enumerate(service.source.accounts[ACCOUNT].connections)
    ]
    service.source.show(make_account(*shown))
    await service.poll(WHOLE, patience_seconds=30)
    before = len(service.sales.taken)
    await service.pass_time(timedelta(days=3), 30)
    await service.pass_time(timedelta(days=0.4), 30)
    cards = service.sales.taken[before:]
    assert len(cards) == 3
    assert all(isinstance(one.action, Link) for one in cards)


async def test_the_reminders_of_a_digest_are_no_flood(make_service: MakeService) -> None:
    """All cases of a digest are due at the same time: their reminders must be one digest again."""
    service = make_service(ask_for_many(60), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    before = len(service.sales.taken)
    await service.pass_time(timedelta(hours=46), patience_seconds=30)
    assert service.sales.forms[before:].count(MESSAGE) == 1


@of_many
async def test_more_than_a_digest_holds_come_in_the_next(make_service: MakeService) -> None:
    """What is behind the longest list must wait for its digest, and not leak out singly."""
    sales = make_channel()
    sales.pace_seconds = 1.0
    service = make_service(ask_for_many(1_100), sales=sales, storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=200)
    topics = [one.topic for one in sales.taken]
    assert topics.count("signature_required") == 0
    assert topics.count("digest") == 2
    assert (
        len({line.value for one in sales.taken if one.topic == "digest_page" for line in one.lines}) == 1_100
    )


async def test_what_may_stand_already_is_in_no_digest(make_service: MakeService) -> None:
    """A case whose card is in doubt must be looked for, and not told in a digest as well."""
    service = make_service(ask_for_many(1), sales=make_channel(), storm_cards=2)
    service.sales.errors = [DeliveryAmbiguous("cut", code="lost")]
    await service.start(WHOLE)
    await service.poll(WHOLE)
    first, *others = ask_for_many(6).accounts[ACCOUNT].connections
    note = Event("event-77", "pending", "note_added", NOW)
    again = make_connection("pending", make_request(), note, key=first.key)
    service.source.show(make_account(again, *others))
    await service.poll(WHOLE, patience_seconds=60)
    listed = [line.value for one in service.sales.taken if one.topic == "digest_page" for line in one.lines]
    assert not any(first.key.name in value for value in listed)
    said = [one.topic for form in (MESSAGE, REPLY) for one in service.sales.list_as(form)]
    assert said.count("note_added") == 1


async def test_a_digest_holds_no_signature_link(make_service: MakeService) -> None:
    """A page is never brought up to date, so it must not offer what may be of no more use."""
    service = make_service(ask_for_many(12), sales=make_channel(), storm_cards=10)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    pages = [render(one) for one in service.sales.taken]
    assert all("sign.example" not in post.text + str(post.blocks) for post in pages)


async def test_an_unknown_status_in_a_digest_is_inert(make_service: MakeService) -> None:
    """Dintero's words in a line must be as dead as everywhere."""
    status = "*bold* https://evil.example :smile:\n• forged line \u202egnp"
    keys = [ConnectionKey(ACCOUNT, f"bank-{number:03}") for number in range(12)]
    source = FakeSource(make_account(*(make_connection(status, key=key) for key in keys)))
    service = make_service(source, sales=make_channel(), storm_cards=10, first_run=FirstRun.ALL)
    await service.start(WHOLE)
    await service.poll(WHOLE, patience_seconds=30)
    pages = [one for one in service.sales.taken if one.topic == "digest_page"]
    assert pages
    for page in pages:
        text = render(page, None, is_plain=True).text
        assert not any(word in text for word in ("https://evil", "*bold*", "\n• forged", "\u202e"))
        assert "\u202e" not in str(render(page).blocks)


async def test_a_card_that_is_found_is_brought_up_to_date(make_service: MakeService) -> None:
    """A card whose answer was lost must not stay as it was when a change comes before it is found."""
    service = await begin(make_service, make_channel("sales", DeliveryAmbiguous("cut", code="taken")))
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE, patience_seconds=120)
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY]
    assert service.sales.list_as(UPDATE)[0].action is None


# --- Machines, and receivers that come back


async def test_a_machine_hears_that_a_newer_signup_ends_the_old_case(make_service: MakeService) -> None:
    """What opened an incident for a failed signup must be told that a newer one has taken its place."""
    pager = FakeReceiver("oncall")
    pager.traits = Traits(has_threads=False, is_read_by_people=False)
    failed = make_connection("failed", make_request(), make_outcome("failed", 50))
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel(), oncall=pager)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(failed))
    await service.poll(WHOLE)
    second = make_connection("pending", make_request(2, "https://sign.example.com/2"), signup_id="signup-2")
    service.source.show(make_account(second))
    await service.poll(WHOLE)
    opened, *rest = pager.taken
    assert (opened.status, opened.is_over) == ("failed", False)
    assert [one.case_id for one in rest] == [opened.case_id]
    assert (rest[0].mark, rest[0].is_over) == ("Update", True)


async def test_a_machine_hears_that_the_connection_is_enabled(make_service: MakeService) -> None:
    """The alert for a failure must be over when the connection is enabled after all."""
    pager = FakeReceiver("oncall")
    pager.traits = Traits(has_threads=False, is_read_by_people=False)
    failed = make_connection("failed", make_request(), make_outcome("failed", 50))
    service = make_service(FakeSource(make_account(PENDING)), sales=make_channel(), oncall=pager)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(failed))
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("enabled", *failed.events, make_outcome("enabled"))))
    await service.poll(WHOLE)
    assert [one.is_over for one in pager.taken] == [False, True]


async def test_cards_go_on_with_their_present_state_when_a_channel_is_back(make_service: MakeService) -> None:
    """What waits for an archived channel must show, when that is back, what is true then."""
    archived = DeliveryRejected("the channel is archived", code="is_archived", scope="receiver")
    service = await begin(make_service)
    service.sales.errors = [archived, archived]
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed", 50))))
    await service.poll(WHOLE)
    assert service.database.read_now(read_status).holds
    service.source.show(make_account(ENABLED))
    await service.poll(WHOLE)
    await service.dispatcher.drain(3_600)
    assert not service.database.read_now(read_status).holds
    assert service.sales.forms == [MESSAGE, UPDATE, REPLY, REPLY]
    assert service.sales.list_as(UPDATE)[-1].headline == "Signed: the connection is enabled"
