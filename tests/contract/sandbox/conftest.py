"""Fixtures for the sandbox's tests: both servers on loopback, a session, a token, a clock."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from notifier.sandbox import Bot, SandboxDintero, SandboxSlack

ACCOUNT = "P12345678"


@dataclass
class Time:
    """A clock that moves only when told to, for wall time and monotonic time alike."""

    now: datetime = datetime(2026, 5, 12, 8, 0, tzinfo=UTC)
    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        """Return the wall time."""
        return self.now

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep without waiting."""
        self.slept.append(seconds)
        self.move(seconds)


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    """Return the header of HTTP Basic credentials."""
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{client_secret}".encode()).decode()}


async def bearer(dintero: SandboxDintero, http: ClientSession) -> dict[str, str]:
    """Return the header of a new token."""
    client = dintero.client
    url = f"{dintero.base_url}/accounts/{client.owner_id}"
    answer = await http.post(
        f"{url}/auth/token",
        headers=basic(client.client_id, client.client_secret),
        json={"grant_type": "client_credentials", "audience": url},
    )
    body = await answer.json()
    return {"Authorization": f"Bearer {body['access_token']}"}


@pytest.fixture
def time() -> Time:
    """Give a clock at a fixed moment."""
    return Time()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Give a client session."""
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def dintero(time: Time) -> AsyncIterator[SandboxDintero]:
    """Give a Dintero with one account without connections."""
    sandbox = SandboxDintero(clock=time.clock, monotonic_seconds=time.monotonic, sleep=time.sleep)
    async with sandbox.serve() as served:
        served.add_account(ACCOUNT)
        yield served


@pytest.fixture
async def auth(dintero: SandboxDintero, http: ClientSession) -> dict[str, str]:
    """Give the header of a valid token."""
    return await bearer(dintero, http)


@pytest.fixture
async def slack(time: Time) -> AsyncIterator[SandboxSlack]:
    """Give a Slack with the channel `sales`."""
    sandbox = SandboxSlack(clock=time.clock, monotonic_seconds=time.monotonic, sleep=time.sleep)
    async with sandbox.serve() as served:
        served.add_channel("sales")
        yield served


@pytest.fixture
def bot(slack: SandboxSlack) -> Bot:
    """Give a bot with every scope."""
    return slack.add_bot()


@pytest.fixture
def client(slack: SandboxSlack, bot: Bot, http: ClientSession) -> AsyncWebClient:
    """Give slack_sdk's own client, talking to the sandbox."""
    return AsyncWebClient(token=bot.token, base_url=slack.base_url, session=http, retry_handlers=[])
