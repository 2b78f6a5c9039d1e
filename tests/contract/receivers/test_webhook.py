"""What a webhook's owner gets: signed as Standard Webhooks asks, and of the documented shape."""

import json
import time
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook, WebhookVerificationError

from notifier.domain.message import Line, Link, Message, Outside, Severity, Step
from notifier.errors import ConfigError, DeliveryAmbiguous, DeliveryRejected
from notifier.receivers.webhook.payload import draw, name_type
from notifier.receivers.webhook.receiver import WebhookReceiver
from notifier.sandbox import answer, reset
from tests.contract.receivers.conftest import SIGNING_KEY
from tests.contract.receivers.inbox import Inbox, Taken
from tests.unit.receivers.test_golden_messages import MESSAGES

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs/webhook-payload.schema.json").read_text(encoding="utf-8")
)
NEXT_KEY = "whsec_" + b64encode(b"the-key-that-comes-next!").decode()
SOON = datetime(2026, 12, 1, tzinfo=UTC)
FULL = MESSAGES["signature_required"]._replace(
    mark="Reminder",
    note="A line of the house",
    status=Outside("pending"),
    severity=Severity.WARNING,
    steps=(Step("Applied", is_done=True, at=datetime(2026, 8, 1, tzinfo=UTC)), Step("Signed", is_done=False)),
    lines=(
        Line("waits for a signature", Outside("Bakeri AS"), Link("https://s.example/1", "Open"), SOON),
        Line("two more"),
    ),
)
EVERY = {**MESSAGES, "full": FULL}


def make(inbox: Inbox, session: aiohttp.ClientSession, secret: str = SIGNING_KEY) -> WebhookReceiver:
    """Return a webhook receiver for the inbox."""
    return WebhookReceiver("crm", f"{inbox.url}/hook?tenant=1", secret, session)


def verify(taken: Taken, secret: str) -> Any:
    """Verify a request as its receiver would; raises WebhookVerificationError."""
    return Webhook(secret).verify(taken.body, taken.headers)


def test_schema_is_one() -> None:
    """The schema itself must be valid, and say of every field what it is required for."""
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])


@pytest.mark.parametrize("name", EVERY)
async def test_every_message_is_signed_and_of_the_documented_shape(
    inbox: Inbox, session: aiohttp.ClientSession, name: str
) -> None:
    """Each kind of message must verify with the library, and have the documented fields and no others."""
    await make(inbox, session).send(EVERY[name], is_plain=False)
    (taken,) = inbox.taken
    payload = verify(taken, SIGNING_KEY)
    Draft202012Validator(SCHEMA).validate(payload)
    assert set(payload) == set(SCHEMA["properties"])
    assert payload["id"] == taken.headers["webhook-id"] == EVERY[name].notification_id
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["user-agent"].startswith("dintero-notifier/")


async def test_both_keys_verify_while_one_is_changed(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """With two secrets both the old and the new one must verify, the first one's signature first."""
    await make(inbox, session, f"{NEXT_KEY}, {SIGNING_KEY}").send(FULL, is_plain=False)
    (taken,) = inbox.taken
    signatures = taken.headers["webhook-signature"].split(" ")
    assert [one.partition(",")[0] for one in signatures] == ["v1", "v1"]
    for secret in (SIGNING_KEY, NEXT_KEY):
        assert verify(taken, secret)["id"] == FULL.notification_id
    taken.headers["webhook-signature"] = signatures[0]
    verify(taken, NEXT_KEY)
    with pytest.raises(WebhookVerificationError):
        verify(taken, SIGNING_KEY)


async def test_changed_body_does_not_verify(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """The signature must cover the body, the id and the time."""
    await make(inbox, session).send(FULL, is_plain=False)
    (taken,) = inbox.taken
    with pytest.raises(WebhookVerificationError):
        verify(replace(taken, body=taken.body + b" "), SIGNING_KEY)
    for name in ("webhook-id", "webhook-timestamp"):
        forged = {**taken.headers, name: taken.headers[name][:-1] + "x"}
        with pytest.raises(WebhookVerificationError):
            verify(replace(taken, headers=forged), SIGNING_KEY)


async def test_attempts_share_the_id_and_have_their_own_time(
    inbox: Inbox, session: aiohttp.ClientSession
) -> None:
    """What is sent again must be known as the same, and not be refused as too old."""
    times = iter((time.time() - 200.0, time.time()))
    receiver = WebhookReceiver("crm", f"{inbox.url}/", SIGNING_KEY, session, now=lambda: next(times))
    inbox.faults.add(reset(after_effect=True).on("*", ""))
    with pytest.raises(DeliveryAmbiguous):
        await receiver.send(FULL, is_plain=False)
    await receiver.send(FULL, is_plain=False)
    first, second = inbox.taken
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 199
    assert verify(second, SIGNING_KEY)["id"] == FULL.notification_id


async def test_gone_holds_the_receiver_and_says_what_to_do(
    inbox: Inbox, session: aiohttp.ClientSession
) -> None:
    """410 means that the other end wants no more: nothing else may be sent until somebody mends it."""
    inbox.faults.add(answer(410).on("*", ""))
    with pytest.raises(DeliveryRejected, match="wants no more messages") as caught:
        await make(inbox, session).send(FULL, is_plain=False)
    assert (caught.value.scope, caught.value.code) == ("receiver", "http_410")


@pytest.mark.parametrize("secret", ["", " , ", "canary", "whsec_canary!", "whsec_Y2FuYXJ5", "d2hhdA=="])
def test_signing_secret_that_is_none_is_a_config_error(secret: str) -> None:
    """A secret of the wrong form must be refused without being shown."""
    with pytest.raises(ConfigError, match="whsec_") as caught:
        WebhookReceiver("crm", "http://127.0.0.1:1/", secret, None)  # type: ignore[arg-type]
    assert "canary" not in str(caught.value)


def test_type_has_one_form_whatever_dintero_calls_an_event() -> None:
    """A new event's name must fit the documented pattern."""
    for topic in ("Signature Required!", "søknad", "", "a" * 900, "\u202e"):
        validator = Draft202012Validator(SCHEMA["properties"]["type"])
        validator.validate(name_type(FULL._replace(topic=topic)))
    assert name_type(FULL._replace(topic="store_down", connection=Outside(""))) == "notifier.store_down"
    assert draw(FULL)["type"] == "connection.signature_required"


async def test_check_posts_a_test_message_of_its_own(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """Each test message must have an id of its own, or the second would be dropped as known."""
    receiver = make(inbox, session)
    assert [one async for one in receiver.check(sends=False)]
    assert inbox.taken == []
    for _ in range(2):
        findings = [one.sentence async for one in receiver.check(sends=True)]
        assert "a test message was posted" in findings
        assert any("same webhook-id" in sentence for sentence in findings)
    payloads = [verify(taken, SIGNING_KEY) for taken in inbox.taken]
    assert [one["type"] for one in payloads] == ["notifier.check"] * 2
    assert [one["test"] for one in payloads] == [True, True]
    assert len({one["id"] for one in payloads}) == 2


def test_message_of_the_kit_is_valid(message: Message) -> None:
    """The kit's own message must be of the documented shape too."""
    Draft202012Validator(SCHEMA).validate(draw(message))
