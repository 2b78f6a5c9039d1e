"""The access token: fetched once however many wait, kept until shortly before it ends, renewed on 401."""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from notifier.dintero.credentials import Authorization
from notifier.dintero.wire.token import Token
from notifier.errors import SourceError, SourceRateLimited, SourceUnavailable

EARLY_SECONDS: Final = 60.0
EARLY_PART: Final = 0.1
"""A token is renewed this much before its end: the smaller of the two."""

REFUSED_SECONDS: Final = 30.0
"""For so long after a refusal nobody asks again: ten thousand polls must not try wrong credentials each."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """A token in use: what carries it, made once, and when (monotonic) to renew it."""

    token: str = field(repr=False)
    renew_at_seconds: float
    authorization: Authorization

    @classmethod
    def make(cls, token: Token, now_seconds: float) -> "Grant":
        """Put a token that was asked for at `now_seconds` to use."""
        early = min(EARLY_SECONDS, EARLY_PART * token.lifetime_seconds)
        renew_at_seconds = now_seconds + token.lifetime_seconds - early
        return cls(token.value, renew_at_seconds, Authorization(f"Bearer {token.value}"))


class TokenCache:
    """One token for all who ask."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Token]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._grant: Grant | None = None
        self._flight: asyncio.Task[Grant] | None = None
        self._refusal: SourceError | None = None
        self._refused_until = 0.0
        self._futile_until = 0.0

    def find(self) -> Grant | None:
        """Give the token in hand, None where there is none or its time is over."""
        grant = self._grant
        if grant is not None and self._monotonic() < grant.renew_at_seconds:
            return grant
        return None

    async def obtain(self) -> Grant:
        """Give the token in hand, or fetch one, together with all who wait for it. Raises SourceError."""
        grant = self.find()
        if grant is not None:
            return grant
        if self._flight is None:
            if self._refusal is not None and self._monotonic() < self._refused_until:
                # A copy: the same instance raised again and again would collect its tracebacks.
                raise copy.copy(self._refusal)
            self._flight = asyncio.create_task(self._fly())
            # Retrieved here too, for a flight whose passengers were all cancelled.
            self._flight.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: one poll that is cancelled does not take the token from the others.
        flight = self._flight
        try:
            return await asyncio.shield(flight)
        except SourceError as error:
            problem = copy.copy(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not flight.cancelled() or (task is not None and task.cancelling()):
                raise
            problem = SourceUnavailable("The source was closed while it waited for an access token.")
        raise problem

    async def renew(self, refused: Grant) -> Grant | None:
        """Give a token in place of one that a call answered 401; None when a new one would be refused too.

        Where somebody has renewed it already, theirs is given.
        """
        if self._grant is refused:
            if self._monotonic() < self._futile_until:
                return None
            self._grant = None
        return await self.obtain()

    def mark_futile(self) -> None:
        """Remember that even a fresh token was answered 401: for a while nobody renews for that."""
        self._futile_until = self._monotonic() + REFUSED_SECONDS

    async def close(self) -> None:
        """End a fetch that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _fly(self) -> Grant:
        asked_at_seconds = self._monotonic()
        try:
            grant = Grant.make(await self._fetch(), asked_at_seconds)
        except SourceError as error:
            self._remember(error)
            raise
        else:
            self._grant, self._refusal = grant, None
            return grant
        finally:
            self._flight = None

    def _remember(self, error: SourceError) -> None:
        """Keep a refusal for a while; what may pass is asked for again by the next poll."""
        wait = REFUSED_SECONDS
        if isinstance(error, SourceUnavailable | SourceRateLimited):
            wait = min(error.retry_after_seconds or 0.0, REFUSED_SECONDS)
        self._refusal, self._refused_until = error.with_traceback(None), self._monotonic() + wait
