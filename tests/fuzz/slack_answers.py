"""Targets: whatever Slack, or somebody in its place, may answer."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from notifier.domain.delivery import Receipt
from notifier.errors import DeliveryError, DeliveryRateLimited
from notifier.receivers.answers import MAX_RETRY_SECONDS, MIN_RETRY_SECONDS, Answer, read_retry_after
from notifier.receivers.slack.access import judge_channel, judge_scopes, read_scopes
from notifier.receivers.slack.answers import Address, read_api, read_post, read_webhook
from notifier.receivers.slack.channels import read_cursor
from notifier.receivers.slack.client import RemoteClock
from notifier.receivers.slack.lookup import find_message
from notifier.receivers.slack.refusals import REFUSALS
from tests.fuzz.dintero_answers import VALUE, header_values
from tests.fuzz.exploring import Target
from tests.fuzz.mutation import Batch, batch
from tests.property.test_dintero_answers import VALUES

ADDRESS: Final = Address("sales", "#sales", "NOTIFIER_SLACK__BOT_TOKEN", "NOTIFIER_SLACK__CHANNEL")
SECRET: Final = "xoxb-CANARY-7f3a"
BOT: Final = "B0NOTIFIER"
NOTIFICATION: Final = "ntf_1"


def _message(bot: str, notification: str, event_type: str = "dintero_notification") -> dict[str, Any]:
    payload = {"notification_id": notification, "topic": "declined"}
    metadata = {"event_type": event_type, "event_payload": payload}
    return {"type": "message", "ts": "1763805600.000100", "bot_id": bot, "text": SECRET, "metadata": metadata}


POSTED: Final = {"ok": True, "channel": "C024BE91L", "ts": "1763805600.000100", "message": {"text": SECRET}}
REFUSED: Final = {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": SECRET}
HISTORY: Final = {
    "ok": True,
    "messages": [
        _message("B0FORGER", NOTIFICATION),
        _message(BOT, "ntf_2"),
        _message(BOT, NOTIFICATION, "other"),
        _message(BOT, NOTIFICATION),
    ],
    "has_more": True,
    "response_metadata": {"next_cursor": "bmV4dA=="},
}
CHANNEL: Final = {
    "ok": True,
    "channel": {"id": "C1", "name": "sales", "is_private": True, "is_member": False},
}

WHOLE: Final = tuple(json.dumps(one).encode() for one in (POSTED, REFUSED, HISTORY, CHANNEL))
WORDS: Final = (
    b"ok",
    b"no_service",
    b"invalid_payload",
    b"rate_limited",
    b" ok\n",
    SECRET.encode(),
    b"<html>",
)

coded = st.builds(
    lambda code, extra: json.dumps({"ok": False, "error": code, **extra}).encode(),
    st.sampled_from(sorted(REFUSALS)) | st.text(max_size=12) | st.sampled_from([SECRET, "a_b" * 30]),
    st.dictionaries(st.sampled_from(["needed", "ok", "provided", "response_metadata"]), VALUES, max_size=2),
)
bodies = st.sampled_from(WHOLE) | coded | st.sampled_from(WORDS) | st.binary(max_size=40)
statuses = st.sampled_from([200, 200, 200, 429, 500, 503, 302, 400, 403, 404, 408, 425]) | st.integers(
    100, 599
)
heads = st.dictionaries(st.sampled_from(["retry-after", "date", "x-oauth-scopes"]), header_values)
Given = tuple[int, dict[str, str], bytes]


def read_body(body: bytes) -> object:
    """Return a body as slack_sdk gives it: JSON where it is that, else text, or nothing."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace") or None


def unfold(example: tuple[int, dict[str, str], Batch]) -> Iterator[Given]:
    """Give every answer of a batch with its status and headers."""
    status, head, given = example
    for body in given.unfold():
        yield status, head, body


def check_error(error: DeliveryError) -> str:
    """Check that an error is one line without anything of what was answered but Slack's own word."""
    assert str(error).isprintable()
    assert "CANARY" not in str(error)
    assert "CANARY" not in error.code
    assert len(str(error)) < 1_000
    if isinstance(error, DeliveryRateLimited):
        assert MIN_RETRY_SECONDS <= error.retry_after_seconds <= MAX_RETRY_SECONDS
    return type(error).__name__


def take_api(given: Given) -> str:
    """Read an answer of the Web API, as any method's and as that of a post."""
    answer = Answer(given[0], given[1], read_body(given[2]))
    try:
        body = read_api(answer, ADDRESS)
        receipt = read_post(answer, ADDRESS)
    except DeliveryError as error:
        return check_error(error)
    assert isinstance(receipt, Receipt)
    channel = body.get("channel")
    scopes = read_scopes(given[1])
    list(judge_scopes(scopes))
    if isinstance(channel, Mapping):
        list(judge_channel(channel, ADDRESS, scopes, "notifier"))
    return VALUE


def take_webhook(given: Given) -> str:
    """Read an answer of an incoming webhook: nothing but "ok" is a receipt."""
    body = read_body(given[2]) if given[2].startswith(b"{") else given[2].decode("utf-8", "replace")
    try:
        read_webhook(Answer(given[0], given[1], body), ADDRESS)
    except DeliveryError as error:
        return check_error(error)
    assert given[0] == 200
    assert given[2].decode().strip() == "ok"
    return VALUE


def take_history(body: bytes) -> str:
    """Look for a message on a page of history: it is found only where it stands, and is our bot's."""
    page = read_body(body)
    if not isinstance(page, Mapping):
        return "no page"
    found = find_message(page, BOT, NOTIFICATION)
    assert isinstance(read_cursor(page), str)
    if not found:
        return "nothing"
    assert any(
        one.get("ts") == found and one.get("bot_id") == BOT and NOTIFICATION in repr(one.get("metadata"))
        for one in page["messages"]
        if isinstance(one, Mapping)
    )
    return "found"


def take_headers(head: dict[str, str]) -> str:
    """Read how long Slack asks to wait, and what time it is there."""
    assert MIN_RETRY_SECONDS <= read_retry_after(head) <= MAX_RETRY_SECONDS
    clock = RemoteClock()
    clock.note(head.get("date", ""))
    there = clock.now()
    if there is None:
        return "no time"
    assert there - timedelta(days=1) < there < there + timedelta(days=1)
    return VALUE


def near(*whole: bytes) -> st.SearchStrategy[Batch]:
    """Draw batches on some answers as often as on anything else."""
    valid = st.sampled_from(whole)
    return batch(st.booleans().flatmap(lambda is_near: valid if is_near else bodies), WHOLE)


TARGETS: Final = (
    Target("slack web api", 20, st.tuples(statuses, heads, near(*WHOLE)), take_api, unfold),
    Target("slack webhook", 12, st.tuples(statuses, heads, near(*WORDS)), take_webhook, unfold),
    Target("slack history", 12, near(WHOLE[2]), take_history),
    Target("slack headers", 10, st.lists(heads, max_size=8), take_headers, iter),
)
