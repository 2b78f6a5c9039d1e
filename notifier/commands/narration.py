"""A story as people read it at a terminal, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from notifier.domain.delivery import AttemptOutcome, DeliveryState, Form, Purpose
from notifier.domain.plan import Outcome
from notifier.domain.story import Decision, Follower, KeptCase, KeptEvent, KeptNotice, Story, Told, Try
from notifier.screen import clean, dump_json

_OUTCOMES = {
    Outcome.PLANNED: "somebody is told",
    Outcome.RECORDED: "recorded, and told to nobody",
    Outcome.NO_ROUTE: "no route is for it, so nobody is told",
}
_LEFT = "nobody any more (its receiver has moved)"
_TRIES = {
    AttemptOutcome.DELIVERED: "delivered",
    AttemptOutcome.FOUND: "found where an earlier attempt had put it",
    AttemptOutcome.NOT_FOUND: "looked for, and not there yet",
    AttemptOutcome.RETRY: "failed, to be tried again",
    AttemptOutcome.DEAD: "given up",
    AttemptOutcome.HELD: "held, for somebody to decide",
    AttemptOutcome.COVERED: "not sent: it has nothing more to say",
}


def dump(story: Story, notes: Sequence[str] = ()) -> str:
    """Return what `notifier explain --json` prints."""
    return dump_json({**asdict(story), "notes": list(notes)})


def draw(story: Story, notes: Sequence[str] = ()) -> str:
    """Return what `notifier explain` prints."""
    lines = [*_draw_subject(story)]
    for event in story.events:
        lines += _draw_event(event)
    for follower in story.followers:
        lines.append(_draw_follower(follower))
    for decision in story.decisions:
        lines += ["", *_draw_decision(decision, story)]
    if story.loose:
        lines += ["", "messages" if story.notice else "messages whose change is not kept any more"]
        lines += _draw_messages(story.loose)
    if not story.decisions and story.notice is None:
        lines += ["", "No decision about it is kept: it was known from the start, or is older than is kept."]
    lines += [f"note       no permalinks: {note}" for note in notes]
    return "\n".join(clean(line) for line in lines)


def _draw_subject(story: Story) -> Iterator[str]:
    yield f"about      {story.subject}"
    if story.notice is not None:
        yield from _draw_notice(story.notice)
    if story.case is not None:
        yield from _draw_case(story.case)


def _draw_notice(notice: KeptNotice) -> Iterator[str]:
    yield f"notice     {notice.kind}, {_at(notice.at)}"
    if notice.stands_for:
        messages = "message" if notice.stands_for == 1 else "messages"
        yield f"           it stands for {notice.stands_for} {messages}"


def _draw_case(case: KeptCase) -> Iterator[str]:
    merchant = f"{case.merchant}, " if case.merchant else ""
    yield f"whose      {merchant}{case.account_id}/{case.connection}, read by {case.source}"
    signup = f", signup {case.signup_id}" if case.signup_id else ""
    state = f"ended: {case.end}" if case.end else "present" if case.is_present else "earlier"
    yield f"case       {case.case_id}{signup} ({state}), first seen {_at(case.opened_at)}"
    dates = {
        "applied": case.signup_created_at,
        "signature asked for": case.asked_at,
        "expires": case.expires_at,
    }
    known = ", ".join(f"{words} {_at(at)}" for words, at in dates.items() if at)
    if known:
        yield f"           {known}"
    if case.is_present:
        yield f"status     {case.status or 'unknown'}, now"


def _draw_event(event: KeptEvent) -> Iterator[str]:
    named = ", ".join(part for part in (event.name, f"status {event.status}" if event.status else "") if part)
    yield f"event      {event.event_id or 'without an id'}: {named or 'without name and status'}"
    created = f"created {_at(event.created_at)}, " if event.created_at else ""
    version = f", replaced {event.link_version} times" if event.link_version else ""
    link = f", with a signature link{version}" if event.has_link else ""
    yield f"           {created}first seen {_at(event.seen_at)}{link}; known here as {event.event_key}"


def _draw_follower(card: Follower) -> str:
    place = _draw_place(card.channel, card.message_ref, card.permalink) or "no message stands now"
    told = f"first told {_at(card.posted_at)}" if card.posted_at else "not told yet"
    reminded = f", reminded {card.reminders} times" if card.reminders else ""
    due = f", looked at again {_at(card.next_at)}" if card.next_at else ""
    return f"follower   {card.receiver or _LEFT}: {told}{reminded}{due}; {place}"


def _draw_decision(decision: Decision, story: Story) -> Iterator[str]:
    detail = f" ({decision.detail})" if decision.detail else ""
    status = f", status {decision.status}" if decision.status else ""
    yield f"{_at(decision.seen_at)}  {decision.topic}{detail}{status}"
    if story.case is not None and decision.case_id != story.case.case_id:
        yield f"  of       case {decision.case_id}, which has taken this one's place"
    yield f"  change   {decision.change_id}{f', of {_at(decision.at)}' if decision.at else ''}"
    yield f"  seen by  {decision.poll or 'the notifier itself: no poll has shown it'}"
    yield f"  decided  {'to be told' if decision.is_told else 'not to be told'}, because {decision.reason}"
    yield f"  planned  {_name(_OUTCOMES, decision.outcome)}"
    yield from _draw_messages(decision.messages)


def _draw_messages(messages: Iterable[Told]) -> Iterator[str]:
    for message in messages:
        yield f"  message  {message.notification_id} to {message.receiver}: {_say_form(message)}"
        if message.rule:
            yield f"    rule   {message.rule}"
        yield f"    state  {_say_state(message)}"
        yield from (f"    tried  {_draw_try(one)}" for one in message.tries)
        place = _draw_place(message.channel, message.message_ref, message.permalink)
        if place:
            yield f"    place  {place}"


def _say_form(message: Told) -> str:
    if message.purpose == Purpose.UPDATE:
        return "its card is brought up to date"
    if message.form == Form.REPLY:
        return "a reply in the thread of its card"
    return message.topic


def _say_state(message: Told) -> str:
    by = message.covering or message.covered_by
    settled = f" {_at(message.settled_at)}" if message.settled_at else ""
    match message.state:
        case DeliveryState.MUTED:
            return f"kept back by {by}"
        case DeliveryState.COVERED:
            named = f" ({message.covered_by})" if message.covering else ""
            return f"covered{settled}{f' by {by}{named}' if by else ': nothing more was to be said'}"
        case DeliveryState.DUE:
            return f"due, to be sent {_at(message.next_attempt_at)}"
        case DeliveryState.DELIVERED if not message.message_ref:
            return f"delivered{settled}; its receiver does not say where it stands"
        case _:
            return f"{message.state}{settled}"


def _draw_try(one: Try) -> str:
    said = ": ".join(part for part in (one.error_code, one.error) if part)
    return f"{_at(one.at)}  {_name(_TRIES, one.outcome)}{f'; {said}' if said else ''}"


def _draw_place(channel: str, message_ref: str, permalink: str) -> str:
    if not message_ref:
        return ""
    return f"{permalink or 'no permalink'} (channel {channel}, ts {message_ref})"


def _name(words: dict[Outcome, str] | dict[AttemptOutcome, str], word: str) -> str:
    """Return our words for a word of the store; one of another version is shown as it is."""
    return {str(key): value for key, value in words.items()}.get(word, word)


def _at(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "at an unknown time"
