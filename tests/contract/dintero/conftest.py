"""A Dintero on loopback, and sources that read it without ever sleeping."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from notifier.dintero import Credentials, DinteroSource, Retry, RetryPolicy, Transport
from notifier.domain.model import ConnectionKey
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget
from notifier.sandbox import SandboxDintero

OWNER = "P11200000"
ACCOUNT = "P12345678"
VIPPS = ConnectionKey(ACCOUNT, "vipps")
CONNECTION = ConnectionTarget("dintero", VIPPS)
WHOLE = AccountTarget("dintero", ACCOUNT)
EVERYTHING = PartnerTarget("dintero", OWNER)

SECRET = "sandbox-client-secret"

MakeSource = Callable[..., DinteroSource]


@dataclass
class Time:
    """A clock that sleeping moves."""

    seconds: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Sleep without waiting."""
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def time() -> Time:
    """The clock of all sources."""
    return Time()


@pytest.fixture
async def dintero() -> AsyncIterator[SandboxDintero]:
    """A Dintero with one account that waits for a signature with Vipps."""
    async with SandboxDintero(OWNER, client_secret=SECRET).serve() as server:
        server.add_account(ACCOUNT)
        server.apply(ACCOUNT, "vipps")
        server.require_signature(ACCOUNT, "vipps", link="https://sig.example.com/CANARY")
        yield server


@pytest.fixture
async def make_source(dintero: SandboxDintero, time: Time) -> AsyncIterator[MakeSource]:
    """Make sources of the sandbox; `transport`, `policy` and others change one thing."""
    sources: list[DinteroSource] = []

    def make(
        credentials: Credentials | None = None, policy: RetryPolicy | None = None, **options: Any
    ) -> DinteroSource:
        retry = Retry(policy or RetryPolicy(), time.sleep, lambda: 0.5, lambda: time.seconds)
        source = DinteroSource(
            options.pop("name", "dintero"),
            credentials or Credentials(OWNER, "sandbox-client", SECRET),
            base_url=options.pop("base_url", dintero.base_url),
            transport=Transport(**options),
            retry=retry,
        )
        sources.append(source)
        return source

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
def source(make_source: MakeSource) -> DinteroSource:
    """A source with the right credentials and every default."""
    return make_source()
