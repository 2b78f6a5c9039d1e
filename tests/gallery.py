"""One message of each kind, made from states as they occur: for golden samples, pictures and schemas."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.compose import Dossier, House
from notifier.domain.delivery import Claim, Form, Notification, Place, Purpose, Traits
from notifier.domain.message import Message
from notifier.domain.model import Account, ConnectionKey, ConnectionSnapshot, Event
from notifier.domain.notices import Incident, Notice, NoticeFile, NoticeKind
from notifier.domain.state import AccountState, ConnectionState
from notifier.domain.writing import Matter, write_message
from tests.unit.domain.builders import (
    KEY,
    LIVE,
    NOW,
    Played,
    make_event,
    make_request,
    make_signup,
    minute,
    play,
    show,
)

DAY = 24 * 60
SIGNUP = (make_signup("S1", -60, 14 * DAY),)
ASKED = show("pending", make_request("e1", -30), signups=SIGNUP)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One message, by name, with how it stands: a card and its updates, or a reply in its thread."""

    name: str
    message: Message
    form: Form


def list_exhibits() -> Iterator[Exhibit]:
    """Give one message of each kind."""
    yield from _list_cards()
    yield from _list_replies()
    yield from _list_notices()


def _list_cards() -> Iterator[Exhibit]:
    asked = play(ASKED)
    yield _card("card_asked", asked)
    yield _card("card_reminded", asked, card=_card_of(asked, reminders=3), now=13 * DAY)
    yield _card("card_expired", asked, now=15 * DAY)
    for status in ("enabled", "failed", "declined"):
        yield _card(f"card_{status}", play(ASKED, _end(status)))
    newer = show("pending", make_request("e2", 10), signups=(make_signup("S2", 5, 14 * DAY),))
    superseded = play(ASKED, newer)
    yield _card("card_superseded", superseded, case_id=asked.case.case_id, change=superseded.steps[-1][0])
    yield _card("card_unknown_status", play(ASKED, show("on_hold", make_request("e1", -30), signups=SIGNUP)))
    yield _card("card_applied", play(show("pending", signups=SIGNUP)))
    yield _card("card_without_link", play(show("pending", make_request("e1", -30, None), signups=SIGNUP)))
    evil = play(show("pending", make_request("e1", -30, "javascript:alert(1)"), signups=SIGNUP))
    yield _card("card_refused_link", evil)


def _list_replies() -> Iterator[Exhibit]:
    asked = play(ASKED)
    for status in ("enabled", "failed", "declined"):
        ended = play(ASKED, _end(status))
        yield _reply(f"reply_{status}", ended, ended.steps[-1][0])
    replaced = play(
        ASKED, show("pending", make_request("e1", -30, "https://sign.vipps.example/s/2"), signups=SIGNUP)
    )
    yield _reply("reply_link_replaced", replaced, replaced.steps[-1][0])
    for topic, detail, at in (
        (Topic.REMINDER, "", DAY),
        (Topic.REMINDER, "escalated mention <@U0123>", 7 * DAY),
        (Topic.EXPIRES_SOON, "escalated", 12 * DAY),
        (Topic.EXPIRED, "escalated", 14 * DAY),
        (Topic.STALE, "", 5 * DAY),
    ):
        name = f"reply_{topic}{'_escalated' if 'mention' in detail else ''}"
        yield _reply(name, asked, _make_change(asked, topic, detail, at), now=at + 1)


def _list_notices() -> Iterator[Exhibit]:
    accounts = {f"P2000000{number}": _make_account(number) for number in range(1, 6)}
    refs = [
        [account_id, "vipps", connection.case.case_id]
        for account_id, account in accounts.items()
        if (connection := account.connections["vipps"]).case is not None
    ]
    digest = Notice("d1", NoticeKind.DIGEST, "d1", NOW, {"cases": refs})
    yield _notice("digest", NoticeFile(digest, accounts))
    page = Notice("d1p1", NoticeKind.DIGEST_PAGE, "d1", NOW, {"cases": refs, "number": 1, "of": 1})
    yield _notice("digest_page", NoticeFile(page, accounts), Form.REPLY)
    body = {
        "headline": "A silence has begun",
        "advice": "What it is about is kept back until it ends; cards are kept up to date.",
        "facts": [["What", "connection=vipps"], ["By", "Ann"], ["Why", "Vipps is being migrated"]],
        "moments": [["Until", minute(240).isoformat()]],
    }
    yield _notice("silence_begun", NoticeFile(Notice("s", NoticeKind.SILENCE_BEGUN, "s1", NOW, body)))
    incident = Incident("i1", "unreadable", "dintero", "dintero: HTTP 503 came back", minute(-10))
    opened = Notice("i1", NoticeKind.INCIDENT, "i1", NOW, {})
    yield _notice("incident", NoticeFile(opened, {}, incident))
    yield _notice("incident_over", NoticeFile(opened, {}, replace(incident, ended_at=NOW)))


def _end(status: str) -> ConnectionSnapshot:
    words = {
        "enabled": "Vipps enabled",
        "failed": "The signup could not be completed",
        "declined": "Not registered for VAT",
    }
    events = make_request("e1", -30), make_event("e2", status, status, 20, description=words[status])
    return show(status, *events, signups=SIGNUP)


def _card(
    name: str,
    played: Played,
    *,
    card: Card | None = None,
    now: float = 30,
    case_id: str = "",
    change: Change | None = None,
) -> Exhibit:
    cause = change or next(one for one in played.changes if one.is_told)
    dossier = Dossier(cause, LIVE, played.state, case_id or cause.case_id, card)
    return Exhibit(name, _write(name, dossier, Form.MESSAGE, now), Form.MESSAGE)


def _reply(name: str, played: Played, change: Change, *, now: float = 30) -> Exhibit:
    dossier = Dossier(change, LIVE, played.state, change.case_id, _card_of(played))
    return Exhibit(name, _write(name, dossier, Form.REPLY, now), Form.REPLY)


def _notice(name: str, file: NoticeFile, form: Form = Form.MESSAGE) -> Exhibit:
    return Exhibit(name, _write(name, file, form, 0), form)


def _write(name: str, matter: Matter, form: Form, now: float) -> Message:
    purpose = Purpose.NOTICE if isinstance(matter, NoticeFile) else Purpose.TELL
    notification = Notification(f"ntf_{name}", "c", "k", "sales", "d", "t", purpose)
    claim = Claim(notification, 1, NOW, place=Place(form, "C1", "1.0"))
    at = NOW + timedelta(minutes=now)
    return write_message(claim, matter, Traits(has_threads=True), House(), at)


def _card_of(played: Played, *, reminders: int = 0) -> Card:
    card = Card(played.case.case_id, "d", "sales", "", NOW, "C1", "1.0", NOW)
    return card._replace(reminders=reminders)


def _make_change(played: Played, topic: Topic, detail: str, at: float) -> Change:
    return Change(
        change_id="c",
        topic=topic,
        key=KEY,
        case_id=played.case.case_id,
        status="pending",
        seen_at=minute(at),
        reason=Reason.STILL_UNSIGNED,
        is_told=True,
        at=minute(-30) if topic != Topic.EXPIRED else minute(14 * DAY),
        detail=detail,
    )


def _make_account(number: int) -> AccountState:
    key = ConnectionKey(f"P2000000{number}", "vipps")
    status = {4: "failed", 5: "declined"}.get(number, "pending")
    events: list[Event] = [make_request("e1", -30, f"https://sign.vipps.example/s/{number}")]
    if status != "pending":
        events.append(make_event("e2", status, status, 20))
    signup = make_signup("S1", -60, number * 2 * DAY)
    state: ConnectionState = play(show(status, *events, signups=(signup,), key=key)).state
    names = (
        "Fjordbris Sport AS",
        "Lilla Blåklockan AB",
        "Trolltind Kaffebrenneri AS",
        "Rugmark & Søn ApS",
        "Skrei AS",
    )
    account = Account(key.account_id, names[number - 1])
    return AccountState(account, "dintero", NOW, connections={"vipps": state})
