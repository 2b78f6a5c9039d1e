"""One request to a receiver over the shared session, and what is known when no answer came."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final

import aiohttp

from notifier import __version__
from notifier.errors import DeliveryError, DeliveryRejected, DeliveryUnavailable
from notifier.receivers.answers import Answer, lose
from notifier.receivers.session import DeadlinePassed, Transit, watch_transit

_CONNECT_SECONDS: Final = 10.0
_READ_BYTES: Final = 64 * 1024
"""A longer answer is not looked into: none of those that say something is."""
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": f"dintero-notifier/{__version__}"}

_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (DeadlinePassed, "this process was held up for too long"),
    (aiohttp.ClientConnectorDNSError, "the host's name was not found"),
    (aiohttp.ClientConnectorCertificateError, "the host's certificate was not accepted (network.ca_file)"),
    (aiohttp.ClientSSLError, "no TLS connection could be made"),
    (aiohttp.ClientProxyConnectionError, "the proxy could not be reached"),
    (aiohttp.ClientHttpProxyError, "the proxy refused to connect"),
    (asyncio.TimeoutError, "the time ran out"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientError, "the connection broke"),
    (OSError, "the connection broke"),
)
"""From the narrow to the wide: the first that fits names the failure."""


async def post(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    address: object,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float,
    deadline: float | None,
) -> Answer:
    """Post JSON and return the answer, whatever its status. Raises DeliveryError where none came.

    `address` is how the receiver is called in sentences. After `deadline` (of time.monotonic()) the request
    does not leave any more. Nothing is raised inside an `except`: aiohttp's errors hold the address.
    """
    if session.closed:
        raise DeliveryUnavailable(f"{address}: not sent, the notifier is stopping")
    failure: Exception | None = None
    content = b""
    limit = aiohttp.ClientTimeout(total=timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds))
    with watch_transit(session, deadline) as transit:
        try:
            sent = {**_HEADERS, **(headers or {})}
            async with session.post(
                url, data=body, headers=sent, timeout=limit, allow_redirects=False
            ) as response:
                content = await response.read()
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a DeliveryError below
            failure = error
    if transit.status is not None:
        return Answer(transit.status, transit.headers, _decode(content))
    fault = find_fault(failure, transit, address)
    del failure
    raise fault


def _decode(content: bytes) -> object:
    """Return the JSON of a body, None where it is none or too long to say anything."""
    if len(content) > _READ_BYTES:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def find_fault(failure: Exception | None, transit: Transit, address: object) -> DeliveryError:
    """Return the error for a request that no status came back for; the failure's own text is never used.

    `address` is how the receiver is called in sentences.
    """
    if isinstance(failure, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return DeliveryRejected(
            f"{address}: the address that is posted to is no web address: check the settings",
            code="invalid_url",
            scope="receiver",
        )
    was_sent = transit.was_sent is not False
    return lose(address, _name_failure(failure), was_sent=was_sent)


def _name_failure(failure: Exception | None) -> str:
    for kind, words in _FAILURES:
        if isinstance(failure, kind):
            return words
    return f"the request failed ({type(failure).__name__})"
