"""A message as the JSON of a webhook, version 1. No I/O.

`docs/webhook-payload.schema.json` describes it. Within a version fields are only ever added. What came from
outside is bounded and has nothing in it that cannot be seen; it is data, never markup.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from notifier.domain.message import Fact, Line, Link, Message, RefusedLink
from notifier.receivers.text import clean_line, clean_lines, cut

VERSION: Final = 1

_NAME_CHARS: Final = 300
_WORDS_CHARS: Final = 1_000
_FACT_CHARS: Final = 4_000
_FACT_LINES: Final = 50
_MAX_ENTRIES: Final = 100
_NO_WORD: Final = re.compile(r"[^a-z0-9_]+")


def render(message: Message) -> bytes:
    """Return the payload of a message."""
    return json.dumps(draw(message)).encode()


def draw(message: Message) -> dict[str, Any]:
    """Return the payload as values: every field is there, null where there is nothing to say."""
    action = message.action
    return {
        "version": VERSION,
        "type": name_type(message),
        "id": message.notification_id,
        "case": message.case_id or None,
        "mark": message.mark or None,
        "test": message.is_test,
        "severity": message.severity.value,
        "is_over": message.is_over,
        "account": clean_line(message.account_id, _NAME_CHARS) or None,
        "merchant": clean_line(message.merchant, _NAME_CHARS) or None,
        "connection": clean_line(message.connection, _NAME_CHARS) or None,
        "status": clean_line(message.status, _NAME_CHARS) or None,
        "event": clean_line(message.event_id, _NAME_CHARS) or None,
        "headline": clean_line(message.headline, _WORDS_CHARS),
        "headline_value": clean_line(message.headline_value, _NAME_CHARS) or None,
        "advice": cut(message.advice, _WORDS_CHARS) or None,
        "note": clean_lines(message.note, _FACT_CHARS, _FACT_LINES) or None,
        "signature_link": action.url if isinstance(action, Link) else None,
        "refused_link": _draw_refusal(action) if isinstance(action, RefusedLink) else None,
        "moments": [
            {"label": one.label, "at": _write_instant(one.at)} for one in message.moments[:_MAX_ENTRIES]
        ],
        "steps": [
            {"label": one.label, "is_done": one.is_done, "at": _write_instant(one.at) if one.at else None}
            for one in message.steps[:_MAX_ENTRIES]
        ],
        "facts": _draw_facts(message.facts),
        "lines": [_draw_line(one) for one in message.lines[:_MAX_ENTRIES]],
        "backoffice": message.backoffice.url if message.backoffice else None,
    }


def name_type(message: Message) -> str:
    """Return what a message is about: `connection.signature_required`, or `notifier.…` for the bot's own.

    Dintero's own event names become lower case, with `_` for whatever is no letter, digit or underscore.
    """
    kind = "connection" if message.connection else "notifier"
    topic = _NO_WORD.sub("_", message.topic.lower())[:_NAME_CHARS]
    return f"{kind}.{topic or 'unnamed'}"


def _draw_refusal(refused: RefusedLink) -> dict[str, str]:
    return {"text": clean_line(refused.text, _WORDS_CHARS), "reason": cut(refused.reason, _WORDS_CHARS)}


def _draw_facts(facts: Iterable[Fact]) -> list[dict[str, str]]:
    return [
        {
            "label": cut(one.label, _WORDS_CHARS),
            "value": clean_lines(one.value, _FACT_CHARS, _FACT_LINES),
        }
        for one in tuple(facts)[:_MAX_ENTRIES]
    ]


def _draw_line(line: Line) -> dict[str, str | None]:
    return {
        "label": cut(line.label, _WORDS_CHARS),
        "value": clean_line(line.value, _NAME_CHARS) or None,
        "signature_link": line.action.url if line.action else None,
        "until": _write_instant(line.until) if line.until else None,
    }


def _write_instant(at: datetime) -> str:
    """Return an instant as RFC 3339 has it, in UTC and whole seconds: `2026-11-22T10:00:00Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
