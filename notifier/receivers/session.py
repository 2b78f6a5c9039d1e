"""The HTTP session that receivers share, and what it notes of each request.

Clients say little of what became of a request; whether a message may have been taken hangs on it. So the
session itself notes, for the request of the running task, whether it went out and what status came back.

Source: docs.aiohttp.org, "Client middleware" and `ClientSession` (aiohttp 3.14, read 2026-11).
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Final
from weakref import WeakSet

import aiohttp
import msgspec
from aiohttp.connector import Connection
from aiohttp.typedefs import JSONDecoder

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""More than any receiver ever answers; of a longer answer no more than this is held."""


def read_json(text: str) -> Any:
    """Return what a text says. Raises what json.loads raises: that is what clients know."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return json.loads(text)


@dataclass(slots=True)
class Transit:
    """What is known of one request.

    `was_sent` turns True just before the first byte is written, and stays so where aiohttp tries once more;
    None means that the session takes no notes.
    `headers` are found by their names in any case. After `deadline` (of time.monotonic()) it must not leave.
    `reads` takes from the text of an answer in JSON what is wanted of it, and raises what json.loads raises.
    """

    deadline: float | None = None
    reads: Callable[[str], Any] = read_json
    was_sent: bool | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


_transit: ContextVar[Transit | None] = ContextVar("transit", default=None)
_noting: Final[WeakSet[aiohttp.ClientSession]] = WeakSet()
"""The sessions that take notes."""


def _write_json(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError):
        # A lone surrogate: only as an escape can it be written at all.
        return json.dumps(body).encode("ascii")


class AnswerRefused(aiohttp.ClientError):
    """An answer that is not to be followed or read: a redirect, or a body beyond the bound."""


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose body is read up to a bound, decompressed; beyond it the connection is closed."""

    async def read(self) -> bytes:
        """Return the body. Raises AnswerRefused beyond the bound."""
        if self._body is None:
            # A small body has come with its head: there is nothing to wait for.
            held = self.content.read_nowait()
            while len(held) <= MAX_BODY_BYTES and not self.content.at_eof():
                held += await self.content.readany()
            if len(held) > MAX_BODY_BYTES:
                self.close()
                raise AnswerRefused
            self._body = held
        return await super().read()

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: JSONDecoder = read_json,
        content_type: str | None = "application/json",
    ) -> Any:
        """Return the body's JSON, read as whoever has sent the request wants it read."""
        transit = _transit.get()
        if transit is not None and loads is read_json:
            loads = transit.reads
        return await super().json(encoding=encoding, loads=loads, content_type=content_type)


class DeadlinePassed(aiohttp.ClientError):
    """The request was about to leave after its deadline."""


class NotedRequest(aiohttp.ClientRequest):
    """A request that notes when it leaves, and does not leave after its deadline.

    aiohttp's tracing tells the same, but makes objects for five events of every request.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request on a connection. Raises DeadlinePassed before the first byte."""
        transit = _transit.get()
        if transit is not None:
            if transit.deadline is not None and time.monotonic() > transit.deadline:
                raise DeadlinePassed
            transit.was_sent = True
        return await super().send(conn)


@contextmanager
def watch_transit(
    session: aiohttp.ClientSession,
    deadline: float | None = None,
    reads: Callable[[str], Any] = read_json,
) -> Iterator[Transit]:
    """Note what becomes of the request that is made within; it does not leave after `deadline`."""
    transit = Transit(deadline, reads, was_sent=False if session in _noting else None)
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
) -> aiohttp.ClientSession:
    """Open the session that receivers share; who opens it closes it.

    `total_seconds` bounds a whole request (slack_sdk's own time-out is ignored beside a session),
    `connect_seconds` the wait for a connection, which takes half of the time at the most: in the other half
    the request arrives, or never will (see `_make_socket`). `ssl_context` replaces the system's
    certificates; `proxy` is an address, which may hold a password. Redirects are refused, cookies not kept.
    """
    half = total_seconds / 2
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connection_limit,
            ssl=ssl_context if ssl_context is not None else True,
            socket_factory=lambda address: _make_socket(address, half),
        ),
        timeout=aiohttp.ClientTimeout(total=total_seconds, connect=min(connect_seconds, half)),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_note_answer,),
        request_class=NotedRequest,
        response_class=BoundedResponse,
        json_serialize_bytes=_write_json,
        proxy=proxy,
    )
    if hasattr(aiohttp.ClientRequest, "send"):
        # Without it nothing would be noted, and whatever got no answer would count as not sent.
        _noting.add(session)
    return session


def _make_socket(address: aiohttp.AddrInfoType, seconds: float) -> socket.socket:
    """Return a socket whose kernel gives up what was not acknowledged for so long.

    By itself it would send that again for minutes, also when the program has given it up and closed the
    socket: a message from before a network was split would arrive when that is whole again, long after it was
    looked for. Source: tcp(7), TCP_USER_TIMEOUT, which only Linux has, and not every sandbox of it.
    """
    made = socket.socket(family=address[0], type=address[1], proto=address[2])
    if sys.platform == "linux":
        with suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(1000 * seconds)))
    return made


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
        transit.headers = response.headers
    if 300 <= response.status < 400:  # noqa: PLR2004
        response.close()
        raise AnswerRefused
    return response
