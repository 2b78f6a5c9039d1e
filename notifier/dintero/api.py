"""Dintero's API with a token: one question, its answer, and whatever repeating it takes."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Final

import msgspec
from yarl import URL

from notifier.dintero.client import Answer, Client, Patience, Question, Transport
from notifier.dintero.credentials import Credentials
from notifier.dintero.pace import LONGEST_HOLD_SECONDS, Budget, Strain
from notifier.dintero.retry import RETRYABLE, Retry
from notifier.dintero.token import Grant, TokenCache
from notifier.dintero.wire.failures import describe_failure
from notifier.dintero.wire.place import Place
from notifier.dintero.wire.token import Token, decode_token
from notifier.errors import SourceError, SourceRateLimited

OK: Final = 200
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
TOO_MANY_REQUESTS: Final = 429

_ANSWERS: Final = frozenset({OK, NOT_MODIFIED, UNAUTHORIZED})


class Api:
    """Asks Dintero: each question is repeated as `retry` says, and once more with a new token after a 401."""

    def __init__(
        self,
        base: URL,
        credentials: Credentials,
        settings: str,
        *,
        transport: Transport,
        retry: Retry,
        budget: Budget | None,
        now: Callable[[], datetime],
    ) -> None:
        self._base = base
        self._base_path = base.raw_path.rstrip("/")
        self._credentials = credentials
        self._settings = settings
        self._client = Client(base, transport)
        self._retry = retry
        self._budget = budget
        self.strain: Final = Strain(retry.monotonic)
        self._monotonic = retry.monotonic
        self._now = now
        self._tokens = TokenCache(self._fetch_token, retry.monotonic)

    def make_question(self, subject: str, path: str, query: str = "") -> Question:
        """Make a GET of a path that is percent-encoded already."""
        return Question(self._make_url(path, query), subject, path, self._settings)

    async def prove(self) -> None:
        """Obtain a token. Raises SourceError when there is none to be had."""
        await self._tokens.obtain()

    async def ask(self, question: Question, etag: str | None = None, *, is_poll: bool = False) -> Answer:
        """Ask for what `question` says, and give a 200, or a 304 when `etag` is still right.

        `is_poll` says that the answer is expected to be small and as it was. Raises SourceError and nothing
        else.
        """
        grant = self._tokens.find() or await self._tokens.obtain()
        started = self._monotonic()
        patience = self._client.quick if is_poll else self._client.patient
        try:
            answer = await self._attempt(question, grant, patience, etag)
        except RETRYABLE as error:
            answer = await self._repeat(error, started, question, grant, etag)
        if answer.status == UNAUTHORIZED:
            grant, answer = await self._renew(question, grant, answer, etag)
        if answer.status == OK or (answer.status == NOT_MODIFIED and etag is not None):
            return answer
        raise self._describe(answer, question.place, grant.token)

    async def close(self) -> None:
        """Close all connections."""
        await self._tokens.close()
        await self._client.close()

    async def _renew(
        self, question: Question, refused: Grant, answer: Answer, etag: str | None
    ) -> tuple[Grant, Answer]:
        """Ask again with another token than the one that was answered 401; as it was where there is none."""
        grant = await self._tokens.renew(refused)
        if grant is None:
            return refused, answer
        started = self._monotonic()
        try:
            answer = await self._attempt(question, grant, self._client.patient, etag)
        except RETRYABLE as error:
            answer = await self._repeat(error, started, question, grant, etag)
        if answer.status == UNAUTHORIZED:
            self._tokens.mark_futile()
        return grant, answer

    async def _repeat(
        self, first: SourceError, started: float, question: Question, grant: Grant, etag: str | None
    ) -> Answer:
        """Send again, after the error of the first try, where that may help; a 401 is an answer here."""
        again = partial(self._attempt, question, grant, self._client.patient, etag)
        return await self._retry.repeat(first, started, again)

    async def _attempt(
        self,
        question: Question,
        grant: Grant,
        patience: Patience,
        etag: str | None = None,
        data: bytes | None = None,
    ) -> Answer:
        if self._budget is not None:
            await self._budget.take()
        sent_at, is_refusal = self._monotonic(), False
        try:
            answer = await self._client.send(question, grant.authorization, patience, etag=etag, data=data)
            is_refusal = answer.status == TOO_MANY_REQUESTS
        finally:
            self.strain.note_answer(self._monotonic() - sent_at, is_refusal=is_refusal)
        if answer.status in _ANSWERS:
            return answer
        error = self._describe(answer, question.place, grant.token)
        if is_refusal and self._budget is not None and isinstance(error, SourceRateLimited):
            self._budget.hold(min(error.retry_after_seconds or 0.0, LONGEST_HOLD_SECONDS))
        raise error

    def _describe(self, answer: Answer, place: Place, token: str = "") -> SourceError:
        hidden = (token, self._credentials.client_secret, self._credentials.client_id)
        return describe_failure(
            answer.status, answer.headers, answer.body, place, now=self._now(), hidden=hidden
        )

    def _make_url(self, path: str, query: str = "") -> URL:
        # From its parts: a third of the time that parsing it takes.
        url = self._base.with_path(f"{self._base_path}{path}", encoded=True)
        return URL(f"{url}{query}", encoded=True) if query else url

    async def _fetch_token(self) -> Token:
        """POST the credentials for a token, with the same retries as any question."""
        account_id = self._credentials.account_id
        path = f"/accounts/{account_id}/auth/token"
        subject = f"access token for {account_id}"
        question = Question(self._make_url(path), subject, path, self._settings, asks_for_token=True)
        body = {"grant_type": "client_credentials", "audience": self._credentials.audience}
        basic = Grant("", 0.0, self._credentials.make_basic())
        send = partial(self._attempt, question, basic, self._client.patient, data=msgspec.json.encode(body))
        started = self._monotonic()
        try:
            answer = await send()
        except RETRYABLE as error:
            answer = await self._retry.repeat(error, started, send)
        if answer.status != HTTPStatus.OK:
            raise self._describe(answer, question.place)
        return decode_token(answer.body, question.place)
