"""A receiver of each kind before its other end on loopback."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest

from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside
from notifier.receivers.apprise import AppriseReceiver
from notifier.receivers.pagerduty.receiver import PagerDutyReceiver
from notifier.receivers.session import open_session
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.receivers.slack.webhook import SlackWebhookReceiver
from notifier.receivers.webhook.receiver import WebhookReceiver
from notifier.sandbox import Fault, SandboxSlack
from notifier.sandbox.loopback import LoopbackServer
from notifier.service.ports import Receiver
from tests.contract.receivers.inbox import Inbox

SLACK_KINDS = ("slack", "slack_webhook")
HTTP_KINDS = (*SLACK_KINDS, "pagerduty", "webhook")
"""The kinds whose requests are our own."""
KINDS = (*HTTP_KINDS, "apprise")
TOKEN = "xoxb-1111-2222-canarytoken"
LINK = "https://sign.example/canarylink"
ROUTING_KEY = "canarycanarycanarycanarycanary12"
SIGNING_KEY = "whsec_" + b64encode(b"canary-signing-key-of-32-bytes!!").decode()
PATIENCE_SECONDS = 2.0
HASTE_SECONDS = 0.05


@dataclass(frozen=True)
class Stand:
    """A receiver, the server that it posts to, and what of it is secret; `taken` counts what has stood."""

    kind: str
    receiver: Receiver
    server: LoopbackServer
    secrets: tuple[str, ...]
    taken: Callable[[], int]

    def cause(self, fault: Fault) -> None:
        """Let a fault hit the next request."""
        self.server.faults.add(fault.on("*", ""))

    @property
    def slack(self) -> SandboxSlack:
        """The Slack, where it is one."""
        assert isinstance(self.server, SandboxSlack)
        return self.server

    @property
    def inbox(self) -> Inbox:
        """The inbox, where it is one."""
        assert isinstance(self.server, Inbox)
        return self.server


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """A Slack with a bot, and the private channel #sales."""
    sandbox = SandboxSlack()
    sandbox.add_bot(token=TOKEN)
    sandbox.add_channel("sales", channel_id="C0SALES01", is_private=True)
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """A PagerDuty, and whatever else takes what is posted."""
    async with Inbox().serve() as served:
        yield served


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The session as the product opens it, with little patience."""
    async with open_session(total_seconds=PATIENCE_SECONDS, connect_seconds=1.0) as opened:
        yield opened


@pytest.fixture(params=KINDS)
async def stand(
    request: pytest.FixtureRequest, slack: SandboxSlack, inbox: Inbox, session: aiohttp.ClientSession
) -> Stand:
    """Each kind of receiver, one after the other."""
    return make_stand(request.param, slack, inbox, session)


@pytest.fixture(params=HTTP_KINDS)
async def http_stand(
    request: pytest.FixtureRequest, slack: SandboxSlack, inbox: Inbox, session: aiohttp.ClientSession
) -> Stand:
    """Each kind whose requests are our own."""
    return make_stand(request.param, slack, inbox, session)


@pytest.fixture(params=SLACK_KINDS)
async def slack_stand(
    request: pytest.FixtureRequest, slack: SandboxSlack, inbox: Inbox, session: aiohttp.ClientSession
) -> Stand:
    """Each kind of receiver for Slack."""
    return make_stand(request.param, slack, inbox, session)


@pytest.fixture(params=KINDS)
async def hasty_stand(
    request: pytest.FixtureRequest, slack: SandboxSlack, inbox: Inbox
) -> AsyncIterator[Stand]:
    """Each kind of receiver, waiting for almost nothing."""
    async with open_session(total_seconds=HASTE_SECONDS) as session:
        yield make_stand(request.param, slack, inbox, session, HASTE_SECONDS)


def make_stand(
    kind: str,
    slack: SandboxSlack,
    inbox: Inbox,
    session: aiohttp.ClientSession,
    timeout_seconds: float = PATIENCE_SECONDS,
) -> Stand:
    """Return a receiver of a kind with its other end."""
    if kind in SLACK_KINDS:
        webhook = slack.add_webhook("sales")
        secrets = (TOKEN, "canary", webhook.path, webhook.path.rpartition("/")[2])
        url = slack.base_url if kind == "slack" else slack.webhook_url(webhook)
        receiver = make_receiver(kind, url, session, timeout_seconds)
        return Stand(kind, receiver, slack, secrets, lambda: len(slack.messages("sales")))
    url = inbox.url if kind == "pagerduty" else f"{inbox.url}/canarypath"
    secrets = ("canary", ROUTING_KEY, SIGNING_KEY, SIGNING_KEY.removeprefix("whsec_"))
    receiver = make_receiver(kind, url, session, timeout_seconds)
    return Stand(kind, receiver, inbox, secrets, lambda: len(inbox.taken))


def make_receiver(
    kind: str, url: str, session: aiohttp.ClientSession, timeout_seconds: float = PATIENCE_SECONDS
) -> Receiver:
    """Return a receiver of a kind for an address."""
    if kind == "slack":
        return SlackBotReceiver("sales", TOKEN, "C0SALES01", url, session, mention="@here")
    if kind == "slack_webhook":
        return SlackWebhookReceiver("sales", url, session, mention="@here")
    if kind == "pagerduty":
        return PagerDutyReceiver("sales", ROUTING_KEY, url, session, timeout_seconds=timeout_seconds)
    if kind == "webhook":
        return WebhookReceiver("sales", url, SIGNING_KEY, session, timeout_seconds=timeout_seconds)
    return AppriseReceiver("sales", url.replace("http://", "json://"), timeout_seconds=timeout_seconds)


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
