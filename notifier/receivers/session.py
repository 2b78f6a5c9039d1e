"""The HTTP session that receivers share, and what it notes of each request.

Clients say little of what became of a request; whether a message may have been taken hangs on it. So the
session itself notes, for the request of the running task, whether it went out and what status came back.

Sources: docs.aiohttp.org, "Client tracing" and "Client middleware" (aiohttp 3.14, read 2026-08).
"""

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ssl import SSLContext
from types import SimpleNamespace
from typing import Final

import aiohttp

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""More than any receiver ever answers; of a longer answer no more than this is held."""


@dataclass(slots=True)
class Transit:
    """What is known of one request.

    `was_sent` turns True just before the first byte is written; None means that the session takes no notes.
    `headers` has lower-case names. After `deadline` (of time.monotonic()) the request must not leave.
    """

    deadline: float | None = None
    was_sent: bool | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


_transit: ContextVar[Transit | None] = ContextVar("transit", default=None)


class AnswerRefused(aiohttp.ClientError):
    """An answer that is not to be followed or read: a redirect, or a body beyond the bound."""


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose body is read up to a bound, decompressed; beyond it the connection is closed."""

    async def read(self) -> bytes:
        """Return the body. Raises AnswerRefused beyond the bound."""
        if self._body is None:
            held = bytearray()
            async for chunk in self.content.iter_any():
                held += chunk
                if len(held) > MAX_BODY_BYTES:
                    self.close()
                    raise AnswerRefused
            self._body = bytes(held)
        return await super().read()


class DeadlinePassed(aiohttp.ClientError):
    """The request was about to leave after its deadline."""


@contextmanager
def watch_transit(deadline: float | None = None) -> Iterator[Transit]:
    """Note what becomes of the request that is made within; it does not leave after `deadline`."""
    transit = Transit(deadline)
    token = _transit.set(transit)
    try:
        yield transit
    finally:
        _transit.reset(token)


def open_session(
    *,
    total_seconds: float = 30.0,
    connect_seconds: float = 10.0,
    connection_limit: int = 20,
    ssl_context: SSLContext | None = None,
    proxy: str | None = None,
    trust_env: bool = False,
) -> aiohttp.ClientSession:
    """Open the session that receivers share; who opens it closes it.

    `total_seconds` bounds a whole request (slack_sdk's own time-out is ignored beside a session),
    `connect_seconds` the wait for a connection, which takes half of the time at the most: in the other half
    the request arrives, or never will (see `_make_socket`). `ssl_context` replaces the system's
    certificates; `proxy` is an address, which may hold a password; without one, `trust_env` lets aiohttp take
    it from the environment. Redirects are refused, cookies not kept.
    """
    half = total_seconds / 2
    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(_note_start)
    tracing.on_request_headers_sent.append(_note_departure)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connection_limit,
            ssl=ssl_context if ssl_context is not None else True,
            socket_factory=lambda address: _make_socket(address, half),
        ),
        timeout=aiohttp.ClientTimeout(total=total_seconds, connect=min(connect_seconds, half)),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[tracing],
        middlewares=(_note_answer,),
        response_class=BoundedResponse,
        proxy=proxy,
        trust_env=trust_env,
    )


def _make_socket(address: aiohttp.AddrInfoType, seconds: float) -> socket.socket:
    """Return a socket whose kernel gives up what was not acknowledged for so long.

    By itself it would send that again for minutes, also when the program has given it up and closed the
    socket: a message from before a network was split would arrive when that is whole again, long after it was
    looked for. Source: tcp(7), TCP_USER_TIMEOUT, which only Linux has.
    """
    made = socket.socket(family=address[0], type=address[1], proto=address[2])
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(1000 * seconds)))
    return made


async def _note_start(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceRequestStartParams
) -> None:
    transit = _transit.get()
    if transit is not None:
        transit.was_sent = False


async def _note_departure(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    transit = _transit.get()
    if transit is None:
        return
    if transit.deadline is not None and time.monotonic() > transit.deadline:
        raise DeadlinePassed
    transit.was_sent = True


async def _note_answer(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Note status and headers, and refuse a redirect.

    aiohttp and slack_sdk would follow a redirect, and send the message to whatever host it names.
    """
    response = await handler(request)
    transit = _transit.get()
    if transit is not None:
        transit.status = response.status
        transit.headers = {name.lower(): value for name, value in response.headers.items()}
    if 300 <= response.status < 400:  # noqa: PLR2004
        response.close()
        raise AnswerRefused
    return response
