"""A message as an event of PagerDuty's Events API v2, and what the API's answers mean. No I/O.

No signature link is in an event: alerts are shown on phones, passed on by e-mail and SMS and kept for years,
and whoever is on call does not sign for the company. What somebody has to open stands in Backoffice.

Source: developer.pagerduty.com, "Send an Alert Event" (Events API v2, POST /v2/enqueue), read 2026-08.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Final

from notifier.domain.delivery import Receipt
from notifier.domain.message import Message, Severity
from notifier.domain.model import DECLINED
from notifier.errors import DeliveryRejected
from notifier.receivers.answers import Answer, Peer, explain
from notifier.receivers.text import clean_line, cut

MAX_EVENT_BYTES: Final = 512 * 1024
"""Nothing has to be cut to this: the bounds of the parts, below, keep every event under it."""
MAX_SUMMARY_CHARS: Final = 1_024
MAX_DEDUP_CHARS: Final = 255
RETRY_SECONDS: Final = 60.0
"""PagerDuty's limits are by the minute."""

_SOURCE: Final = "dintero-notifier"
_NAME_CHARS: Final = 150
_WORDS_CHARS: Final = 500
_FACT_CHARS: Final = 2_000
_MAX_ENTRIES: Final = 25
_KEY: Final = re.compile(r"routing[ _-]?key", re.IGNORECASE)
# The fields that PagerDuty may find fault with: its own text is never passed on, it may quote what was sent.
_FIELDS: Final = ("summary", "source", "severity", "dedup_key", "event_action", "custom_details", "links")


def render(message: Message, routing_key: str, *, is_plain: bool) -> bytes:
    """Return the event: `resolve` when the matter is over, else `trigger`, which a repeat only updates.

    In the plain form a trigger holds nothing that PagerDuty does not ask for.
    """
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if message.is_over else "trigger",
        "dedup_key": name_alert(message),
    }
    if not message.is_over:
        payload: dict[str, Any] = {
            "summary": _summarise(message),
            "source": _name_source(message),
            "severity": judge(message),
        }
        event |= {"payload": payload, "client": _SOURCE}
        if not is_plain:
            payload["class"] = clean_line(message.topic, _NAME_CHARS)
            payload["custom_details"] = dict(_detail(message))
            if message.backoffice:
                event["links"] = [{"href": message.backoffice.url, "text": message.backoffice.label}]
    return json.dumps(event).encode()


def name_alert(message: Message) -> str:
    """Return the key under which PagerDuty keeps one alert: the case, else the notification itself."""
    key = message.case_id or message.notification_id
    if len(key) <= MAX_DEDUP_CHARS:
        return key
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def judge(message: Message) -> Severity:
    """Return how much a message matters on call: an application that was declined is at most a warning."""
    is_declined = DECLINED in {message.status, message.topic}
    if is_declined and message.severity in {Severity.CRITICAL, Severity.ERROR}:
        return Severity.WARNING
    return message.severity


def read(answer: Answer, peer: Peer) -> Receipt:
    """Return the receipt in an answer: HTTP 202 and nothing else. Raises DeliveryError."""
    if answer.status == HTTPStatus.ACCEPTED:
        return Receipt()
    if answer.status != HTTPStatus.BAD_REQUEST:
        raise explain(answer, peer)
    said = " ".join(_list_words(answer.body))
    if _KEY.search(said):
        fault = f"PagerDuty does not know the routing key: mend {peer.credential_setting}"
        raise DeliveryRejected(f"{peer}: {fault}", code="invalid_routing_key", scope="receiver")
    named = ", ".join(field for field in _FIELDS if field in said)
    fault = "PagerDuty refused the event as invalid" + (f" ({named})" if named else "")
    raise DeliveryRejected(f"{peer}: {fault}", code="invalid_event", scope="message")


def _list_words(body: object) -> Iterator[str]:
    """Give the texts of a refusal: `{"status": …, "message": …, "errors": […]}`."""
    if not isinstance(body, Mapping):
        return
    errors = body.get("errors")
    for one in (body.get("status"), body.get("message"), *(errors if isinstance(errors, list) else ())):
        if isinstance(one, str):
            yield one


def _summarise(message: Message) -> str:
    said = (
        f"{message.mark}:" if message.mark else "",
        "TEST:" if message.is_test else "",
        clean_line(message.headline, _WORDS_CHARS),
        clean_line(message.headline_value, _NAME_CHARS),
    )
    known = (
        clean_line(one, _NAME_CHARS) for one in (message.merchant, message.account_id, message.connection)
    )
    parts = (" ".join(part for part in said if part), *known)
    return cut(" · ".join(part for part in parts if part) or _SOURCE, MAX_SUMMARY_CHARS)


def _name_source(message: Message) -> str:
    known = (clean_line(one, _NAME_CHARS) for one in (message.account_id, message.connection))
    return "/".join(part for part in known if part) or _SOURCE


def _detail(message: Message) -> Iterator[tuple[str, object]]:
    values = {
        "merchant": message.merchant,
        "account": message.account_id,
        "connection": message.connection,
        "status": message.status,
        "event": message.event_id,
        "advice": message.advice,
        "note": message.note,
    }
    for name, value in values.items():
        if shown := clean_line(value, _WORDS_CHARS):
            yield name, shown
    if message.action is not None:
        yield "signature link", "not sent to PagerDuty: open the account in Backoffice"
    if message.moments:
        yield "moments", {one.label: one.at.isoformat() for one in message.moments[:_MAX_ENTRIES]}
    if message.steps:
        yield "steps", {one.label: _tell_step(one.is_done) for one in message.steps[:_MAX_ENTRIES]}
    facts = [f"{cut(one.label, _NAME_CHARS)}: {clean_line(one.value, _FACT_CHARS)}" for one in message.facts]
    if facts:
        yield "facts", _bound(facts)
    lines = [f"{clean_line(one.value, _NAME_CHARS)} {cut(one.label, _WORDS_CHARS)}" for one in message.lines]
    if lines:
        yield "lines", _bound([line.strip() for line in lines])


def _tell_step(is_done: bool) -> str:
    return "done" if is_done else "to come"


def _bound(told: list[str]) -> list[str]:
    if len(told) > _MAX_ENTRIES:
        return [*told[:_MAX_ENTRIES], f"and {len(told) - _MAX_ENTRIES} more"]
    return told
