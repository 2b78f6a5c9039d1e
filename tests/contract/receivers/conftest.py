"""A receiver of each kind before a Slack on loopback."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest

from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.receivers.session import open_session
from notifier.receivers.slack.webhook import SlackWebhookReceiver
from notifier.sandbox import Fault, SandboxSlack
from notifier.service.ports import Receiver

KINDS = ("slack", "slack_webhook")
TOKEN = "xoxb-1111-2222-canarytoken"
LINK = "https://sign.example/canarylink"


@dataclass(frozen=True)
class Stand:
    """A receiver, the Slack that it posts to, and what of it is secret."""

    kind: str
    receiver: Receiver
    slack: SandboxSlack
    secrets: tuple[str, ...]

    def cause(self, fault: Fault) -> None:
        """Let a fault hit the next request."""
        self.slack.faults.add(fault.on("*", ""))


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """A Slack with a bot, and the private channel #sales."""
    sandbox = SandboxSlack()
    sandbox.add_bot(token=TOKEN)
    sandbox.add_channel("sales", channel_id="C0SALES01", is_private=True)
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The session as the product opens it, with little patience."""
    async with open_session(total_seconds=2.0, connect_seconds=1.0) as opened:
        yield opened


@pytest.fixture(params=KINDS)
async def stand(request: pytest.FixtureRequest, slack: SandboxSlack, session: aiohttp.ClientSession) -> Stand:
    """Each kind of receiver, one after the other."""
    return make_stand(request.param, slack, session)


@pytest.fixture(params=KINDS)
async def hasty_stand(request: pytest.FixtureRequest, slack: SandboxSlack) -> AsyncIterator[Stand]:
    """Each kind of receiver with a session that waits for almost nothing."""
    async with open_session(total_seconds=0.05) as session:
        yield make_stand(request.param, slack, session)


def make_stand(kind: str, slack: SandboxSlack, session: aiohttp.ClientSession) -> Stand:
    """Return a receiver of a kind for the Slack."""
    webhook = slack.add_webhook("sales")
    secrets = (TOKEN, "canary", webhook.path, webhook.path.rpartition("/")[2])
    receiver: Receiver
    if kind == "slack":
        receiver = SlackBotReceiver("sales", TOKEN, "C0SALES01", slack.base_url, session, mention="@here")
    else:
        receiver = SlackWebhookReceiver("sales", slack.webhook_url(webhook), session, mention="@here")
    return Stand(kind, receiver, slack, secrets)


@pytest.fixture
def message() -> Message:
    """A message with everything in it."""
    return Message(
        notification_id="ntf_1",
        topic="signature_required",
        mood=Mood.ACTION,
        headline="Signature needed",
        account_id="P12345678",
        connection=Outside("vipps"),
        is_test=False,
        merchant=Outside("Canary canarymerchant AS"),
        advice="Open the link and sign.",
        action=Link(LINK, "Open the signature link"),
        moments=(Moment("Since", datetime(2026, 8, 1, tzinfo=UTC)),),
        facts=(Fact("Dintero says", Outside("canarydescription")),),
        backoffice=Link("https://backoffice.dintero.com/P12345678", "Backoffice"),
        event_id=Outside("ev_1"),
        case_id="case_1",
        wants_mention=True,
    )
