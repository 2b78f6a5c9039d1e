"""One token for all: one fetch, kept, renewed, and refusals remembered."""

import asyncio

import pytest

from notifier.dintero.credentials import Credentials
from notifier.dintero.token import Grant, TokenCache
from notifier.dintero.wire.token import Token
from notifier.errors import SourceError, SourceRateLimited, SourceUnauthorized, SourceUnavailable


class Dispenser:
    """A token endpoint of a script: it answers when it is let."""

    def __init__(self, lifetime: float = 1_000.0) -> None:
        self.now = 0.0
        self.count = 0
        self.lifetime = lifetime
        self.error: SourceError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.cache = TokenCache(self.fetch, lambda: self.now)

    async def fetch(self) -> Token:
        """Give the next token, or the error."""
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Token(f"CANARY-{number}", self.lifetime)


async def test_many_polls_share_one_fetch() -> None:
    """However many wait, one request is made."""
    dispenser = Dispenser()
    dispenser.gate.clear()
    waiting = [asyncio.create_task(dispenser.cache.obtain()) for _ in range(50)]
    await asyncio.sleep(0)
    dispenser.gate.set()
    assert len({grant.token for grant in await asyncio.gather(*waiting)}) == 1
    assert dispenser.count == 1


@pytest.mark.parametrize(("lifetime", "kept"), [(86_400.0, 86_340.0), (100.0, 90.0), (0.0, 0.0)])
async def test_a_token_is_renewed_shortly_before_its_end(lifetime: float, kept: float) -> None:
    """60 seconds or a tenth of its life before, whichever is less."""
    dispenser = Dispenser(lifetime)
    grant = await dispenser.cache.obtain()
    dispenser.now = kept - 0.001
    assert dispenser.cache.find() is grant
    dispenser.now = kept
    assert dispenser.cache.find() is None
    assert (await dispenser.cache.obtain()).token == "CANARY-2"


async def test_a_refused_token_is_renewed_once_for_all() -> None:
    """Only the token that is still current is dropped; latecomers take the new one."""
    dispenser = Dispenser()
    old = await dispenser.cache.obtain()
    new = [await dispenser.cache.renew(old) for _ in range(3)]
    assert {grant.token for grant in new if grant} == {"CANARY-2"}
    assert dispenser.count == 2


async def test_renewing_in_vain_is_not_repeated_at_once() -> None:
    """After a fresh token was refused too, nobody renews for half a minute."""
    dispenser = Dispenser()
    grant = await dispenser.cache.obtain()
    dispenser.cache.mark_futile()
    assert await dispenser.cache.renew(grant) is None
    dispenser.now = 30.0
    assert await dispenser.cache.renew(grant) is not None
    assert dispenser.count == 2


async def test_a_refusal_is_not_asked_for_again_at_once() -> None:
    """Wrong credentials are tried once in half a minute, whoever asks."""
    dispenser = Dispenser()
    dispenser.error = SourceUnauthorized("wrong", status=401)
    for _ in range(20):
        with pytest.raises(SourceUnauthorized, match="wrong") as caught:
            await dispenser.cache.obtain()
        assert caught.value.status == 401
    assert dispenser.count == 1
    dispenser.now, dispenser.error = 30.0, None
    assert (await dispenser.cache.obtain()).token == "CANARY-2"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (SourceUnavailable("down"), 0.0),
        (SourceRateLimited("slow", retry_after_seconds=5.0), 5.0),
        (SourceRateLimited("slow", retry_after_seconds=5_000.0), 30.0),
    ],
)
async def test_a_fault_is_remembered_as_long_as_the_server_asked(error: SourceError, wait: float) -> None:
    """A fault that may pass is tried again by the next poll, or when its time is over."""
    dispenser = Dispenser()
    dispenser.error = error
    with pytest.raises(type(error)):
        await dispenser.cache.obtain()
    dispenser.error = None
    if wait:
        dispenser.now = wait - 0.001
        with pytest.raises(type(error)):
            await dispenser.cache.obtain()
    dispenser.now = wait
    assert (await dispenser.cache.obtain()).token == "CANARY-2"


async def test_a_failing_fetch_fails_all_who_wait() -> None:
    """Each gets its own copy of the error, and one request was made."""
    dispenser = Dispenser()
    dispenser.error = SourceUnavailable("down", status=500)
    dispenser.gate.clear()
    waiting = [asyncio.create_task(dispenser.cache.obtain()) for _ in range(10)]
    await asyncio.sleep(0)
    dispenser.gate.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {SourceUnavailable}
    assert len({id(error) for error in errors}) == 10
    assert dispenser.count == 1


async def test_a_cancelled_poll_does_not_take_the_token_from_others() -> None:
    """The fetch goes on for those who still wait."""
    dispenser = Dispenser()
    dispenser.gate.clear()
    first = asyncio.create_task(dispenser.cache.obtain())
    second = asyncio.create_task(dispenser.cache.obtain())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert first.cancelled()
    dispenser.gate.set()
    assert (await second).token == "CANARY-1"


async def test_closing_ends_a_fetch() -> None:
    """Who waits for it gets a SourceError."""
    dispenser = Dispenser()
    dispenser.gate.clear()
    waiting = asyncio.create_task(dispenser.cache.obtain())
    await asyncio.sleep(0)
    await dispenser.cache.close()
    with pytest.raises(SourceUnavailable):
        await waiting


def test_nothing_shows_a_secret() -> None:
    """Neither a grant nor credentials show what they hold."""
    grant = Grant.make(Token("CANARY", 60.0), 0.0)
    shown = repr(grant) + repr(Credentials("P12345678", "CANARY", "CANARY"))
    assert "CANARY" not in shown
    assert "P12345678" in shown


def test_basic_credentials_are_utf8() -> None:
    """RFC 7617: user and password, in UTF-8."""
    assert Credentials("P1", "ø", ":").make_basic().value == "Basic w7g6Og=="
