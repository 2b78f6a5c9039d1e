"""slack_sdk, called so that nothing is retried, logged, followed or lost.

What slack_sdk does that this module undoes or works around (slack_sdk 3.47, read 2026-08):

- by default it retries a broken connection, which may post twice: `retry_handlers=[]`;
- it logs whole requests and webhook addresses to a logger whose own level is DEBUG or not set: it gets a
  logger of level WARNING that no configuration reaches;
- it takes any proxy from the environment and ignores NO_PROXY: its proxy is cleared, the session's holds;
- beside a closed session it opens one of its own, without our bounds: a closed session sends nothing;
- it fails with AttributeError or a decoding error on an answer that is no JSON object, and its errors print
  the answer: whatever it raises, the session's own notes say what happened, and its error goes no further;
- it takes a fifteenth of a second to import: `load_sdk` does so while the first poll is on its way.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from notifier.errors import DeliveryUnavailable
from notifier.receivers.answers import Answer
from notifier.receivers.exchange import find_fault
from notifier.receivers.session import read_json, watch_transit
from notifier.receivers.slack.answers import Address

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.webhook.async_client import AsyncWebhookClient


def _make_quiet_logger() -> logging.Logger:
    # Not from getLogger: then no dictConfig, root level or setLevel by name could ever make it print.
    logger = logging.Logger("notifier.receivers.slack.sdk", logging.WARNING)  # noqa: LOG001 - see above
    logger.addHandler(logging.NullHandler())
    return logger


_QUIET: Final = _make_quiet_logger()

_PARTS: Final = ("slack_sdk.errors", "slack_sdk.web.async_client", "slack_sdk.webhook.async_client")


async def load_sdk() -> None:
    """Import slack_sdk in a thread, so that what runs in this one goes on; the first message has it then."""
    for part in _PARTS:
        await asyncio.to_thread(import_module, part)


_YEARS: Final = range(2000, 9000)
"""Other years are no time that anybody has, and near the end of the calendar nothing could be added."""


class RemoteClock:
    """What time it is at the other end, judged by the `Date` of its last answer; asked from any thread."""

    def __init__(self) -> None:
        self._read = ""
        self._noted: tuple[datetime, float] | None = None

    def note(self, date: str) -> None:
        """Take the `Date` of an answer that has just come; one that cannot be read changes nothing."""
        if self._noted is not None and date == self._read:
            # Many answers come in the same second.
            self._noted = (self._noted[0], time.monotonic())
            return
        try:
            read = parsedate_to_datetime(date[:64])
            there = read.astimezone(UTC) if read.tzinfo is not None else None
        except (ValueError, OverflowError, TypeError, IndexError):
            return
        if there is not None and there.year in _YEARS:
            self._read, self._noted = date, (there, time.monotonic())

    def now(self) -> datetime | None:
        """Return the present instant there, None while nothing has been heard from there."""
        noted = self._noted
        if noted is None:
            return None
        return noted[0] + timedelta(seconds=time.monotonic() - noted[1])


class WebApi:
    """Slack's Web API with one bot token."""

    def __init__(
        self, *, token: str, base_url: str, session: aiohttp.ClientSession, address: Address
    ) -> None:
        self._token = token
        self._base_url = base_url
        self._session = session
        self._address = address
        self.clock = RemoteClock()

    @cached_property
    def _client(self) -> "AsyncWebClient":
        from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - see the top

        client = AsyncWebClient(
            token=self._token,
            base_url=self._base_url,
            session=self._session,
            retry_handlers=[],
            logger=_QUIET,
        )
        client.proxy = None
        return client

    async def post(
        self,
        method: str,
        body: Mapping[str, Any],
        *,
        deadline: float | None = None,
        reads: Callable[[str], Any] = read_json,
    ) -> Answer:
        """Call a method with a JSON body. Raises DeliveryError where no answer came.

        After `deadline` (of time.monotonic()) the request does not leave any more: DeliveryUnavailable.
        `reads` takes from the answer's text what is wanted of it.
        """
        return await self._call(lambda: self._client.api_call(method, json=dict(body)), deadline, reads)

    async def get(self, method: str, **params: str | int) -> Answer:
        """Call a method that only reads. Raises DeliveryError where no answer came."""
        return await self._call(
            lambda: self._client.api_call(method, http_verb="GET", params=dict(params)), None
        )

    async def _call(
        self,
        call: Callable[[], Awaitable[Any]],
        deadline: float | None,
        reads: Callable[[str], Any] = read_json,
    ) -> Answer:
        answer = await _exchange(call, self._session, self._address, deadline, reads)
        self.clock.note(answer.headers.get("date", ""))
        return answer


class Webhook:
    """One incoming webhook, whose address is its secret."""

    def __init__(self, *, url: str, session: aiohttp.ClientSession, address: Address) -> None:
        self._url = url
        self._session = session
        self._address = address

    @cached_property
    def _client(self) -> "AsyncWebhookClient":
        from slack_sdk.webhook.async_client import AsyncWebhookClient  # noqa: PLC0415 - see the top

        client = AsyncWebhookClient(url=self._url, session=self._session, retry_handlers=[], logger=_QUIET)
        client.proxy = None
        return client

    async def post(self, body: Mapping[str, Any], *, deadline: float | None = None) -> Answer:
        """Post a JSON body, not after `deadline`. Raises DeliveryError where no answer came."""
        return await _exchange(
            lambda: self._client.send_dict(dict(body)), self._session, self._address, deadline
        )


async def _exchange(
    call: Callable[[], Awaitable[Any]],
    session: aiohttp.ClientSession,
    address: Address,
    deadline: float | None,
    reads: Callable[[str], Any] = read_json,
) -> Answer:
    """Make one request and return its answer, whatever its status. Raises DeliveryError where none came.

    Nothing is raised inside an `except`: slack_sdk's errors hold what it was told and answered, and would
    otherwise travel along as context.
    """
    from slack_sdk.errors import SlackApiError  # noqa: PLC0415 - see the top

    if session.closed:
        raise DeliveryUnavailable(f"{address}: not sent, the notifier is stopping")
    failure: Exception | None = None
    body: object = None
    with watch_transit(session, deadline, reads) as transit:
        try:
            response = await call()
        except SlackApiError as error:
            body = getattr(error.response, "data", None)
            transit.status = transit.status or getattr(error.response, "status_code", None)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a DeliveryError below
            failure = error
        else:
            body = response.data if hasattr(response, "data") else response.body
            transit.status = transit.status or response.status_code
    if transit.status is not None:
        return Answer(transit.status, transit.headers, body)
    fault = find_fault(failure, transit, address)
    del failure
    raise fault
