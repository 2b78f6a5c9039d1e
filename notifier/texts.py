"""`[texts.<kind>]`: two lines of each kind of message in words of the operator's own, as Jinja2 templates.

A template can say little on purpose: variables, conditions and a few filters. So none of them loops, none
calls anything, and none gets longer than its own text and the values in it. What it gives is treated like any
text from outside: it may hold a merchant's name.

Jinja2 is imported with this module, and this module only where there are such texts.

Sources: jinja.palletsprojects.com, "Sandbox" and "API" (Jinja2 3.1, read 2026-11).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.domain.message import Message, Mood
from notifier.domain.model import SIGNATURE_REQUIRED, TERMINAL_STATUSES
from notifier.domain.stage import Stage
from notifier.receivers.text import clean_line

_log = structlog.get_logger("notifier.texts")

MOST_CHARACTERS: Final = 500
"""Of a template."""
LINE_CHARS: Final = 300
"""Of what it gives."""
_VALUE_CHARS: Final = 150

VARIABLES: Final = (
    "merchant",
    "account_id",
    "connection",
    "status",
    "event",
    "is_test",
    "expires_at",
    "age_days",
)
FILTERS: Final = ("upper", "lower", "title", "capitalize", "trim", "default", "length")

_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Add,
    nodes.Sub,
    nodes.Concat,
    nodes.Filter,
)

_BY_STAGE: Final = {
    Stage.APPLIED: "applied",
    Stage.ASKED: SIGNATURE_REQUIRED,
    Stage.EXPIRED: "expired",
    Stage.ENABLED: "enabled",
    Stage.FAILED: "failed",
    Stage.DECLINED: "declined",
    Stage.WITHDRAWN: "withdrawn",
    Stage.UNWATCHED: "unwatched",
    Stage.OTHER: "status_changed",
}
_ASKING: Final = frozenset({SIGNATURE_REQUIRED, "link_replaced"})
_OWN_WORDS: Final = _ASKING | {
    "applied",
    "digest",
    "expired",
    "expires_soon",
    "reminder",
    "returned",
    "stale",
    "unwatched",
    "withdrawn",
}

_SAMPLES: Final[tuple[Mapping[str, object], ...]] = (
    {
        "merchant": "Fjordbris Sport AS",
        "account_id": "P12345678",
        "connection": "vipps",
        "status": "pending",
        "event": SIGNATURE_REQUIRED,
        "is_test": False,
        "expires_at": "6 Dec 2026, 12:00 UTC",
        "age_days": 8,
    },
    {**dict.fromkeys(VARIABLES, ""), "is_test": True, "age_days": 0},
)
"""What a template is tried with before it is used."""


@dataclass(frozen=True, slots=True)
class Text:
    """The templates of one kind of message, None where the words stay as they are."""

    headline: str | None = None
    note: str | None = None


def check_template(source: str) -> str:
    """Return a template that can be used. Raises ValueError with what would have been right."""
    if len(source) > MOST_CHARACTERS:
        raise ValueError(f"expected a template of at most {MOST_CHARACTERS} characters")
    environment = _make_environment()
    try:
        parsed = environment.parse(source)
    except (TemplateError, RecursionError, ValueError):
        raise ValueError("expected a Jinja2 template, and this one's syntax is wrong") from None
    for node in _walk(parsed):
        _judge(node)
    try:
        template = environment.from_string(source)
        for values in _SAMPLES:
            template.render(values)
    except Exception:  # noqa: BLE001 - whatever it does, the operator has to know before a message needs it
        raise ValueError("expected a template that can be rendered, and this one fails") from None
    return source


def make_texts(texts: Mapping[str, Text], now: Callable[[], datetime]) -> Callable[[Message], Message]:
    """Return what puts the operator's words into a message; `texts` holds checked templates, by kind."""
    environment = _make_environment()
    compiled = {
        (kind, line): environment.from_string(source)
        for kind, text in texts.items()
        for line, source in (("headline", text.headline), ("note", text.note))
        if source is not None
    }

    def reword(message: Message) -> Message:
        kind = find_kind(message)
        headline = _render(compiled.get((kind, "headline")), message, now(), f"{kind}.headline")
        note = _render(compiled.get((kind, "note")), message, now(), f"{kind}.note")
        if headline:
            message = message._replace(headline=headline, headline_value=type(message.headline_value)(""))
        return message._replace(note=note) if note else message

    return reword


def find_kind(message: Message) -> str:
    """Return the kind of text that a message has, "" where its words are always our own.

    A card's words go by where its case stands, whatever has moved it. A request that was settled meanwhile is
    none any more: an operator's words must not ask for a signature that was given.
    """
    if message.stage and message.mark != "Reminder":
        return _BY_STAGE.get(Stage(message.stage), "")
    is_asking = message.mood is Mood.ACTION
    if message.topic in _OWN_WORDS and (is_asking or message.topic not in _ASKING):
        return message.topic
    if message.status in TERMINAL_STATUSES:
        return message.status
    if message.topic == "status_changed":
        return message.topic
    return SIGNATURE_REQUIRED if is_asking and message.connection else ""


def _render(template: Template | None, message: Message, now: datetime, place: str) -> str:
    """Return the line that a template gives, "" where our own words are to stand."""
    if template is None:
        return ""
    try:
        return clean_line(template.render(_list_values(message, now)), LINE_CHARS)
    except Exception as error:  # noqa: BLE001 - a message in our own words is better than none
        sentence = "a text of the settings cannot be used: the built-in one is"
        _log.warning(sentence, text=place, fault=type(error).__name__)
        return ""


def _list_values(message: Message, now: datetime) -> dict[str, object]:
    opened_at, expires_at = message.opened_at, message.expires_at
    return {
        "merchant": clean_line(message.merchant, _VALUE_CHARS),
        "account_id": message.account_id,
        "connection": clean_line(message.connection, _VALUE_CHARS),
        "status": clean_line(message.status, _VALUE_CHARS),
        "event": clean_line(message.topic, _VALUE_CHARS),
        "is_test": message.is_test,
        "expires_at": _write(expires_at) if expires_at else "",
        "age_days": max(0, (now - opened_at).days) if opened_at else 0,
    }


def _write(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def _make_environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Give a node and all below it; no deeper than a template of that length can be."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(one.iter_child_nodes())


def _judge(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.CondExpr) and node.expr2 is None):
        raise ValueError(
            "expected no more than variables, conditions, comparisons, ~, +, - and filters: no loops, calls, "
            "macros, imports and assignments, and no `if` in an expression without `else`"
        )
    if isinstance(node, nodes.Name) and node.name not in VARIABLES:
        raise ValueError(f"expected no variables but {', '.join(VARIABLES)}")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise ValueError(f"expected no filters but {', '.join(FILTERS)}")
