"""What a post to Slack holds, and what Slack's own words for no mean, through either interface."""

import socket
from typing import Any

import aiohttp
import pytest

from notifier.domain.message import Message
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)
from notifier.receivers.slack.refusals import REFUSALS, Meaning, find_refusal
from notifier.sandbox import Fault, ok_false
from tests.contract.receivers.conftest import LINK, Stand, make_receiver
from tests.contract.receivers.test_receiver_contract import fail, say

KINDS = {
    Meaning.RECEIVER: DeliveryRejected,
    Meaning.MESSAGE: DeliveryRejected,
    Meaning.ROOT: DeliveryRejected,
    Meaning.RATE: DeliveryRateLimited,
    Meaning.LATER: DeliveryUnavailable,
    Meaning.UNCLEAR: DeliveryAmbiguous,
}


def refuse(kind: str, code: str) -> Fault:
    """Return the refusal with a code in the form of a kind: `ok: false`, or plain text."""
    return ok_false(code) if kind == "slack" else say(400, code)


async def test_request_carries_everything_a_post_needs(slack_stand: Stand, message: Message) -> None:
    """Text, blocks and metadata must go along, unfurling be off, and nothing else be in it."""
    await slack_stand.receiver.send(message, is_plain=False)
    (post,) = slack_stand.slack.posts
    body: dict[str, Any] = dict(post.body)
    channel = {"channel"} if slack_stand.kind == "slack" else set()
    assert set(body) == {"text", "blocks", "metadata", "unfurl_links", "unfurl_media"} | channel
    assert body["unfurl_links"] is False
    assert body["unfurl_media"] is False
    assert body["metadata"]["event_payload"]["notification_id"] == "ntf_1"
    assert LINK in str(body["blocks"])
    assert LINK not in body["text"] + str(body["metadata"])
    assert "<!here>" in body["text"]


async def test_plain_form_has_no_blocks(slack_stand: Stand, message: Message) -> None:
    """The plainest form must be text alone, with the link in it."""
    await slack_stand.receiver.send(message, is_plain=True)
    (post,) = slack_stand.slack.posts
    assert "blocks" not in post.body
    assert f"<{LINK}|Open the signature link>" in str(post.body["text"])


async def test_each_known_refusal_has_its_meaning(slack_stand: Stand, message: Message) -> None:
    """Every error of Slack's table must come through either interface as what it means."""
    for code in sorted(REFUSALS):
        refusal = find_refusal(code)
        assert refusal is not None
        slack_stand.cause(refuse(slack_stand.kind, code))
        error = await fail(slack_stand, message)
        assert (type(error), error.code) == (KINDS[refusal.meaning], code)
        assert getattr(error, "scope", refusal.meaning) == refusal.meaning


async def test_session_that_takes_no_notes_makes_everything_ambiguous(message: Message) -> None:
    """Without our session's notes nobody knows whether a request left, so it may have."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with aiohttp.ClientSession() as session:
            receiver = make_receiver("slack", f"http://127.0.0.1:{held.getsockname()[1]}/", session)
            with pytest.raises(DeliveryAmbiguous):
                await receiver.send(message, is_plain=False)
