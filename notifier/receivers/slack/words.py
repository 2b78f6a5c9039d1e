"""A message as Slack's `text`: what notifications show and screen readers read, and the plain form.

It is mrkdwn, so what came from outside is deadened, and never begins a line (`>` there makes a quote).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from notifier.domain.message import Link, Message, Moment, RefusedLink, Step
from notifier.receivers.slack.mention import Mention, read_mention
from notifier.receivers.slack.text import deaden, escape, is_clickable
from notifier.receivers.text import clean_line, cut, measure, quote_url, write_utc

MAX_TEXT_CHARS: Final = 4_000
"""Slack advises no more in `text` (docs.slack.dev, chat.postMessage, read 2026-08)."""

WORDS_CHARS: Final = 300
"""The most that is taken of a text of ours."""

_LINK_CHARS: Final = 3_400
_SHORT_CHARS: Final = 80
_LONG_CHARS: Final = 300
_MAX_MOMENTS: Final = 6


@dataclass(frozen=True, slots=True)
class Times:
    """The time line and the instants of a message in mrkdwn: they stand in the text as in the blocks."""

    steps: str
    moments: str

    @classmethod
    def of(cls, message: Message) -> "Times":
        """Write them, once for a message."""
        return cls(write_steps(message.steps), write_moments(message.moments))


def write_text(message: Message, mention: Mention | None, times: Times) -> str:
    """Return the text that goes with blocks: the whole message but its links, which the blocks carry."""
    return _fit(_write_lines(message, mention, times, has_links=False), essential="")


def write_plain(message: Message, mention: Mention | None) -> str:
    """Return the text that goes alone: the whole message, with its links."""
    essential = write_link(message.action) if isinstance(message.action, Link) else ""
    return _fit(_write_lines(message, mention, Times.of(message), has_links=True), essential=essential)


def write_moments(moments: Sequence[Moment]) -> str:
    """Return instants, the first few of them, on one line."""
    return " · ".join(map(write_moment, moments[:_MAX_MOMENTS]))


def write_moment(moment: Moment) -> str:
    """Return an instant in mrkdwn, which Slack shows in each reader's own time zone and words.

    `<!date^1763805600^{date_short_pretty} at {time}|22 Nov 2025, 10:00 UTC>`
    """
    form = f"<!date^{int(moment.at.timestamp())}^{{date_short_pretty}} at {{time}}|{write_utc(moment.at)}>"
    return f"{escape(cut(moment.label, _SHORT_CHARS))} {form}"


def write_steps(steps: Sequence[Step]) -> str:
    """Return a time line in mrkdwn: what is done, and in italics what is not yet."""
    return "  →  ".join(_write_step(step) for step in steps)


def _write_step(step: Step) -> str:
    label = escape(cut(step.label, _SHORT_CHARS))
    if not step.is_done:
        return f"○ _{label}_"
    if step.at is None:
        return f"✓ {label}"
    return f"✓ {label} <!date^{int(step.at.timestamp())}^{{date_short}}|{write_utc(step.at)}>"


def write_link(link: Link) -> str:
    """Return a link in mrkdwn, "" where Slack would not take its address."""
    url = quote_url(link.url)
    if not is_clickable(url):
        return ""
    markup = f"<{escape(url)}|{escape(cut(link.label, WORDS_CHARS) or 'Open').replace('|', '¦')}>"
    return markup if len(markup) <= _LINK_CHARS else ""


def _write_lines(
    message: Message, mention: Mention | None, times: Times, *, has_links: bool
) -> Iterator[str]:
    yield _write_headline(message, mention)
    to_whom = _write_address(message)
    if to_whom:
        yield to_whom
    if message.advice:
        yield escape(cut(message.advice, WORDS_CHARS))
    yield from _write_action(message, has_links=has_links)
    yield from _write_progress(message, times)
    if times.moments:
        yield times.moments
    for fact in message.facts:
        value = deaden(clean_line(fact.value, _LONG_CHARS))
        if value:
            yield f"{escape(cut(fact.label, WORDS_CHARS))}: {value}"
    if has_links and message.backoffice and write_link(message.backoffice):
        yield write_link(message.backoffice)
    event_id = deaden(clean_line(message.event_id, _SHORT_CHARS))
    if event_id and has_links:
        yield f"Event {event_id}"


def _write_progress(message: Message, times: Times) -> Iterator[str]:
    if message.note:
        yield _begin(deaden(clean_line(message.note, WORDS_CHARS)))
    for line in message.lines:
        yield f"• {deaden(clean_line(line.value, _SHORT_CHARS))} {escape(cut(line.label, WORDS_CHARS))}"
    if times.steps:
        yield times.steps


def _write_headline(message: Message, mention: Mention | None) -> str:
    value = deaden(clean_line(message.headline_value, _SHORT_CHARS))
    parts = [
        "TEST:" if message.is_test else "",
        f"{message.mark}:" if message.mark else "",
        deaden(clean_line(message.headline, WORDS_CHARS)),
        value,
        mention.markup if mention and message.wants_mention else "",
        *(other.markup for other in map(read_mention, message.mentions) if other),
    ]
    return _begin(" ".join(part for part in parts if part))


def _begin(line: str) -> str:
    """Return a line that may begin with words from outside, where `>` would make a quote."""
    return line if line[:1].isalnum() or not line else f"\u2060{line}"


def _write_address(message: Message) -> str:
    merchant = deaden(clean_line(message.merchant, _SHORT_CHARS))
    account = deaden(clean_line(message.account_id, _SHORT_CHARS))
    connection = deaden(clean_line(message.connection, _SHORT_CHARS))
    known = [part for part in (merchant, account, connection) if part]
    return f"For {' · '.join(known)}" if known else ""


def _write_action(message: Message, *, has_links: bool) -> Iterator[str]:
    action = message.action
    if isinstance(action, RefusedLink):
        yield f"Link refused: {escape(cut(action.reason, WORDS_CHARS))}"
        refused = deaden(clean_line(action.text, _LONG_CHARS))
        if has_links and refused:
            yield f"It reads: {refused}"
    elif action is not None and has_links:
        yield write_link(action) or "Link not shown: it is longer than Slack takes, or no web address"


def _fit(lines: Iterator[str], *, essential: str) -> str:
    """Join the lines that fit, each of them whole: a line that is cut could end inside a link."""
    kept: list[str] = []
    room = MAX_TEXT_CHARS - (len(essential) + 1)
    for line in lines:
        if line == essential:
            kept.append(line)
        elif (size := measure(line)) < room:
            kept.append(line)
            room -= size + 1
    return "\n".join(kept)
