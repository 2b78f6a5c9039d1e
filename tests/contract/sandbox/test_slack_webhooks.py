"""Incoming webhooks of the sandbox's Slack, used by slack_sdk's own client."""

import json

import pytest
from aiohttp import ClientSession
from slack_sdk.webhook.async_client import AsyncWebhookClient

from notifier.sandbox import SandboxSlack, Webhook


@pytest.fixture
def webhook(slack: SandboxSlack) -> Webhook:
    """Give a webhook for the channel `sales`."""
    return slack.add_webhook("sales", name="Signups")


@pytest.fixture
def client(slack: SandboxSlack, webhook: Webhook, http: ClientSession) -> AsyncWebhookClient:
    """Give slack_sdk's client for the webhook."""
    return AsyncWebhookClient(slack.webhook_url(webhook), session=http, retry_handlers=[])


async def test_ok(client: AsyncWebhookClient, slack: SandboxSlack) -> None:
    """A message is posted and answered with the plain text `ok`."""
    answer = await client.send(text="hello", blocks=[{"type": "divider"}])
    assert (answer.status_code, answer.body) == (200, "ok")
    (message,) = slack.messages("sales")
    assert (message.text, message.is_webhook) == ("hello", True)
    assert slack.posts[-1].route == "webhook"


async def test_form_payload(slack: SandboxSlack, webhook: Webhook, http: ClientSession) -> None:
    """The older form, JSON in the field `payload`, is taken as well."""
    form = {"payload": json.dumps({"text": "hello"})}
    async with http.post(slack.webhook_url(webhook), data=form) as answer:
        assert await answer.text() == "ok"


@pytest.mark.parametrize(
    ("trouble", "status", "text"),
    [
        ("removed", 404, "no_service"),
        ("deleted", 404, "channel_not_found"),
        ("archived", 410, "channel_is_archived"),
        ("restricted", 403, "action_prohibited"),
    ],
)
async def test_refused_by_its_channel(
    client: AsyncWebhookClient, slack: SandboxSlack, webhook: Webhook, trouble: str, status: int, text: str
) -> None:
    """A webhook without its channel answers with the documented status and text."""
    channel = slack.channel("sales")
    match trouble:
        case "removed":
            slack.remove_webhook(webhook)
        case "deleted":
            slack.remove_channel("sales")
        case "archived":
            channel.is_archived = True
        case "restricted":
            channel.is_restricted = True
    answer = await client.send(text="hello")
    assert (answer.status_code, answer.body) == (status, text)
    assert channel.messages == {}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"not json", "invalid_payload"),
        (b"[]", "invalid_payload"),
        (b"{}", "no_text"),
        (b'{"text": "x", "blocks": [{"type": "nonsense"}]}', "invalid_blocks"),
    ],
)
async def test_bad_payloads(
    slack: SandboxSlack, webhook: Webhook, http: ClientSession, body: bytes, text: str
) -> None:
    """A body that Slack cannot use is answered with 400 and why."""
    async with http.post(slack.webhook_url(webhook), data=body) as answer:
        assert (answer.status, await answer.text()) == (400, text)


async def test_rate_limit(client: AsyncWebhookClient, slack: SandboxSlack) -> None:
    """Webhooks share the rate of their channel and say how long to wait."""
    slack.posts_per_second = 1
    await client.send(text="1")
    answer = await client.send(text="2")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"


def test_webhooks_and_tokens_do_not_show(slack: SandboxSlack, webhook: Webhook) -> None:
    """Credentials of the sandbox do not appear in its objects' own text."""
    bot = slack.add_bot(token="xoxb-canary")
    assert "xoxb-canary" not in repr(bot)
    assert webhook.path not in repr(webhook)
