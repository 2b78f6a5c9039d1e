"""A message as Slack's blocks.

In the order in which a person reads: what happened and to whom, what to do, how far it has come, since when
and until when, what Dintero says, where to look. What came from outside stands in rich_text `text` elements,
which Slack shows as they are: no markup, no links, no `:emoji:`. The event's id is the one exception: a
context line takes no rich_text, so it stands in a `plain_text` object, which is as inert.

Sources: docs.slack.dev, Block Kit reference (rich_text, section, context; limits), read 2026-08.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from notifier.domain.message import Fact, Line, Link, Message, Mood, RefusedLink
from notifier.receivers.slack.mention import Mention, read_mention
from notifier.receivers.slack.text import is_clickable
from notifier.receivers.slack.words import (
    WORDS_CHARS,
    Times,
    write_link,
    write_plain,
    write_text,
)
from notifier.receivers.text import clean_line, clean_lines, cut, measure, quote_url

EVENT_TYPE: Final = "dintero_notification"

Block: TypeAlias = dict[str, Any]
"""A block, or a part of one, as JSON."""

_NAME_CHARS: Final = 150
_REFUSED_CHARS: Final = 600
_FACT_CHARS: Final = 1_000
_FACT_LINES: Final = 12
_FACTS_CHARS: Final = 3_000
_MAX_FACTS: Final = 10
_ID_CHARS: Final = 200
_CONTEXT_CHARS: Final = 1_500
_MAX_LINES: Final = 30
_LINES_CHARS: Final = 6_000

_EMOJI: Final = {
    Mood.ACTION: "writing_hand",
    Mood.GOOD: "white_check_mark",
    Mood.BAD: "x",
    Mood.NEUTRAL: "information_source",
}

_BOLD: Final = {"bold": True}
_CODE: Final = {"code": True}
_LOUD_CODE: Final = {"bold": True, "code": True}


@dataclass(frozen=True, slots=True)
class SlackPost:
    """What is posted; `blocks` is empty in the plain form.

    `metadata` is `{"event_type": …, "event_payload": {"notification_id": …, …}}`: anybody in the workspace
    who has an app can read it, so it holds no link and nothing personal.
    """

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    metadata: Block = field(repr=False)


def render(message: Message, mention: Mention | None = None, *, is_plain: bool = False) -> SlackPost:
    """Return the post for a message; `is_plain` for the form that has no blocks for Slack to refuse."""
    metadata = _write_metadata(message)
    if is_plain:
        return SlackPost(write_plain(message, mention), (), metadata)
    times = Times.of(message)
    parts = (
        _draw_happening(message, mention),
        _draw_action(message),
        _draw_lines(message.lines),
        _draw_times(times.steps),
        _draw_times(times.moments),
        _draw_facts(message.facts),
        _draw_context(message),
    )
    return SlackPost(write_text(message, mention, times), tuple(part for part in parts if part), metadata)


def _write_metadata(message: Message) -> Block:
    named = {
        "notification_id": message.notification_id,
        "topic": message.topic,
        "case_id": message.case_id,
        "account_id": message.account_id,
        "connection": message.connection,
        "event_id": message.cause,
    }
    payload = {name: clean_line(value, _ID_CHARS) for name, value in named.items()}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _draw_happening(message: Message, mention: Mention | None) -> Block | None:
    """What happened, and below it to whom."""
    mark = f" {message.mark}:" if message.mark else ""
    elements = [
        {"type": "emoji", "name": _EMOJI[message.mood]},
        *_say(f"{mark} {clean_line(message.headline, WORDS_CHARS)}", _BOLD),
    ]
    value = clean_line(message.headline_value, _NAME_CHARS)
    if value:
        elements += [*_say(" "), *_say(value, _CODE)]
    if mention and message.wants_mention:
        elements += [*_say("  "), dict(mention.element)]
    for text in message.mentions:
        other = read_mention(text)
        elements += [*_say("  "), dict(other.element)] if other else []
    merchant = clean_line(message.merchant, _NAME_CHARS)
    known = [
        *([_say("TEST", _LOUD_CODE)] if message.is_test else []),
        *([_say(merchant, _BOLD)] if merchant else []),
        _say(clean_line(message.account_id, _NAME_CHARS)),
        _say(clean_line(message.connection, _NAME_CHARS)),
    ]
    for index, part in enumerate(part for part in known if part):
        elements += [*_say("\n" if index == 0 else " · "), *part]
    return _rich_text(elements)


def _draw_action(message: Message) -> Block | None:
    """What to do: our advice, and below it the link, or what there is instead of one."""
    lines: list[list[Block]] = []
    if message.advice:
        lines.append(_say(cut(message.advice, WORDS_CHARS)))
    if message.note:
        lines.append(_say(clean_lines(message.note, WORDS_CHARS, 2)))
    action = message.action
    if isinstance(action, RefusedLink):
        lines.append(_say(f"Link refused: {cut(action.reason, WORDS_CHARS)}"))
        lines.append(_say(clean_line(action.text, _REFUSED_CHARS), _CODE))
    elif action is not None:
        lines.append(_draw_link(action))
    elements: list[Block] = []
    for line in lines:
        if line:
            elements += [*(_say("\n") if elements else []), *line]
    return _rich_text(elements)


def _draw_link(link: Link) -> list[Block]:
    url = quote_url(link.url)
    if not is_clickable(url):
        return _say("Link not shown: it is longer than Slack takes, or no web address")
    label = cut(link.label, WORDS_CHARS) or "Open"
    return [{"type": "link", "url": url, "text": label, "style": _BOLD}]


def _draw_times(written: str) -> Block | None:
    """How far a signup has come, or since when and until when: on one line."""
    if not written:
        return None
    return {"type": "section", "text": {"type": "mrkdwn", "text": written, "verbatim": True}}


def _draw_lines(lines: Sequence[Line]) -> Block | None:
    """The lines of a digest, as a list; links stand there while there is room."""
    items: list[Block] = []
    room = _LINES_CHARS
    for line in lines[:_MAX_LINES]:
        label, value = cut(line.label, WORDS_CHARS), clean_line(line.value, _NAME_CHARS)
        until = f" before {line.until:%d %b %Y, %H:%M} UTC" if line.until else ""
        elements = [*_say(value, _BOLD), *_say(f"  {label}{until}" if value else label)]
        room -= measure(label) + measure(value) + measure(until)
        url = quote_url(line.action.url) if line.action else ""
        if line.action and is_clickable(url) and measure(url) < room:
            room -= measure(url)
            elements += [*_say("  "), {"type": "link", "url": url, "text": line.action.label, "style": _BOLD}]
        if room > 0 and (label or value):
            items.append({"type": "rich_text_section", "elements": elements})
    if not items:
        return None
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items}],
    }


def _draw_facts(facts: Iterable[Fact]) -> Block | None:
    """What else is known, as quotes, each under the word that says who says it."""
    quotes: list[Block] = []
    left = 0
    room = _FACTS_CHARS
    for fact in facts:
        value = clean_lines(fact.value, _FACT_CHARS, _FACT_LINES)
        label = cut(fact.label, _NAME_CHARS)
        if not value:
            continue
        if len(quotes) == _MAX_FACTS or measure(value) + measure(label) > room:
            left += 1
            continue
        room -= measure(value) + measure(label)
        quotes.append({"type": "rich_text_quote", "elements": [*_say(f"{label}: ", _BOLD), *_say(value)]})
    if left:
        quotes.append({"type": "rich_text_section", "elements": _say(f"and {left} more")})
    return {"type": "rich_text", "elements": quotes} if quotes else None


def _draw_context(message: Message) -> Block | None:
    elements = list(_name_places(message))
    return {"type": "context", "elements": elements} if elements else None


def _name_places(message: Message) -> Iterator[Block]:
    link = write_link(message.backoffice) if message.backoffice else ""
    if link and len(link) <= _CONTEXT_CHARS:
        yield {"type": "mrkdwn", "text": link, "verbatim": True}
    event_id = clean_line(message.event_id, _NAME_CHARS)
    if event_id:
        yield {"type": "plain_text", "text": f"Event {event_id}", "emoji": False}


def _say(text: str, style: dict[str, bool] | None = None) -> list[Block]:
    """Return text as rich_text elements: none for no text, which Slack would refuse."""
    if not text:
        return []
    return [{"type": "text", "text": text, "style": style} if style else {"type": "text", "text": text}]


def _rich_text(elements: list[Block]) -> Block | None:
    if not elements:
        return None
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
