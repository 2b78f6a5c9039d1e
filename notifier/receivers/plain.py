"""A message as plain text: for whatever has no markup of its own that this product knows.

What shows it in the end (e-mail, SMS, a chat) may read markup all the same, so what came from outside is
deadened as for Slack, and never begins a line.
"""

from collections.abc import Iterator
from typing import Final

from notifier.domain.message import Line, Link, Message, RefusedLink
from notifier.receivers.text import clean_line, cut, deaden_marks, quote_url, write_utc

MAX_TEXT_CHARS: Final = 4_000
"""About what chats take at once; lines that find no room are left out whole."""

_WORDS_CHARS: Final = 300
_SHORT_CHARS: Final = 80
_LONG_CHARS: Final = 300
_NOT_SHOWN: Final = "Link not shown: it is no web address"


def write_title(message: Message) -> str:
    """Return the first line: what happened."""
    parts = (
        f"{message.mark}:" if message.mark else "",
        "TEST:" if message.is_test else "",
        _clean(message.headline, _WORDS_CHARS),
        _clean(message.headline_value),
    )
    return " ".join(part for part in parts if part)


def write_body(message: Message) -> str:
    """Return everything after the first line, the signature link before all that there may be no room for."""
    action = message.action
    link = _write_url(action) if isinstance(action, Link) else ""
    kept: list[str] = []
    room = MAX_TEXT_CHARS - len(link)
    for line in _write_lines(message):
        if link and line == link:
            kept.append(line)
        elif len(line) < room:
            kept.append(line)
            room -= len(line) + 1
    return "\n".join(kept)


def _write_lines(message: Message) -> Iterator[str]:
    known = (_clean(one) for one in (message.merchant, message.account_id, message.connection))
    to_whom = " · ".join(part for part in known if part)
    if to_whom:
        yield f"For {to_whom}"
    if note := _clean(message.note, _WORDS_CHARS):
        yield note
    if message.advice:
        yield cut(message.advice, _WORDS_CHARS)
    yield from _write_action(message.action)
    for moment in message.moments:
        yield f"{cut(moment.label, _SHORT_CHARS)} {write_utc(moment.at)}"
    yield from (_write_line(line) for line in message.lines)
    for fact in message.facts:
        if value := _clean(fact.value, _LONG_CHARS):
            yield f"{cut(fact.label, _WORDS_CHARS)}: {value}"
    if message.backoffice:
        yield f"{cut(message.backoffice.label, _SHORT_CHARS)}: {quote_url(message.backoffice.url)}"
    if event_id := _clean(message.event_id):
        yield f"Event {event_id}"


def _write_line(line: Line) -> str:
    """Return a line of a digest, with its link where that is an address."""
    until = f"before {write_utc(line.until)}" if line.until else ""
    link = _write_url(line.action) if line.action else ""
    parts = (_clean(line.value), cut(line.label, _WORDS_CHARS), until)
    said = " ".join(part for part in parts if part)
    return f"- {said}. {link}" if link else f"- {said}"


def _write_action(action: Link | RefusedLink | None) -> Iterator[str]:
    if isinstance(action, RefusedLink):
        yield f"Link refused: {cut(action.reason, _WORDS_CHARS)}"
        if refused := _clean(action.text, _LONG_CHARS):
            yield f"It reads: {refused}"
    elif action is not None:
        yield _write_url(action) or _NOT_SHOWN


def _write_url(link: Link) -> str:
    """Return a line with the address as it is, "" where it is none or longer than all the room there is."""
    url = quote_url(link.url)
    is_fit = url.startswith(("https://", "http://")) and len(url) < MAX_TEXT_CHARS - _WORDS_CHARS
    return f"{cut(link.label, _SHORT_CHARS) or 'Open'}: {url}" if is_fit else ""


def _clean(text: str, limit: int = _SHORT_CHARS) -> str:
    return deaden_marks(clean_line(text, limit)).replace("<", "‹").replace(">", "›")
