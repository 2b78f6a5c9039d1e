"""One HTTP exchange with Dintero by aiohttp: bounded in time, bytes and number; no retries, no token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Final, NamedTuple
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.hdrs import AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH
from aiohttp.hdrs import METH_GET as GET
from aiohttp.hdrs import METH_POST as POST
from multidict import CIMultiDict
from yarl import URL

from notifier import __version__
from notifier.dintero.budget import BytesBudget
from notifier.dintero.credentials import Authorization
from notifier.dintero.deadline import Deadline
from notifier.dintero.faults import FAULTS, describe_fault
from notifier.dintero.wire.failures import OversizedBody
from notifier.dintero.wire.place import Place
from notifier.errors import SourceError, SourceUnavailable

MEBIBYTE: Final = 1024 * 1024
ERROR_BODY_BYTES: Final = 64 * 1024
"""Of an answer that is no 200, no more than this is read."""
KEEP_ALIVE_SECONDS: Final = 75.0
"""Longer than the default poll interval, so that each poll finds its connection open."""

SYSTEM_NAME: Final = "dintero-notifier"
HTTP_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Transport:
    """How Dintero is reached, and the bounds on it.

    `ssl` holds the certificates to trust (None: the system's). `proxy` is an address, which may hold a
    password; without one, `trust_env` takes it from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
    """

    connect_seconds: float = 5.0
    """The longest wait for a TCP connection and its TLS handshake."""
    read_seconds: float = 15.0
    """The longest silence while an answer is read, and the first try of a poll as a whole."""
    total_seconds: float = 60.0
    """The longest exchange."""
    concurrency: int = 50
    """The most connections open at once; a request beyond them waits."""
    body_bytes: int = 32 * MEBIBYTE
    """The longest body, after decompression."""
    bodies_bytes: int = 128 * MEBIBYTE
    """The most bytes of all bodies that are being read."""
    ssl: SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Question(NamedTuple):
    """A request: the address, and what the place is made of that stands in an error. Polls make one each."""

    url: URL
    subject: str
    path: str
    settings: str
    asks_for_token: bool = False

    @property
    def place(self) -> Place:
        """What is asked for, in an error's words."""
        return Place(self.subject, self.path, self.settings, self.asks_for_token)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an exchange may take: as a whole until the `deadline`, in its parts by `timeout`."""

    deadline: Deadline
    timeout: aiohttp.ClientTimeout


class Client:
    """A session with one Dintero. It opens with the first exchange, so that it can be made outside a loop."""

    def __init__(self, base: URL, transport: Transport) -> None:
        self._transport = transport
        self._base = base
        self._body_bytes = transport.body_bytes
        self._budget = BytesBudget(transport.bodies_bytes, transport.body_bytes)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._has_proxy = False
        self._authorization: Authorization | None = None
        connect, read = transport.connect_seconds, transport.read_seconds
        self.patient: Final = Patience(
            Deadline(transport.total_seconds),
            aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read),
        )
        # sock_read costs a timer for each piece that arrives, a tenth of a small GET: the first try of a poll
        # goes without, and has only that time in all.
        self.quick: Final = Patience(
            Deadline(min(read, transport.total_seconds)),
            aiohttp.ClientTimeout(total=None, sock_connect=connect),
        )

    async def send(
        self,
        question: Question,
        authorization: Authorization,
        patience: Patience,
        *,
        etag: str | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """GET, or POST where there is `data` (JSON), unless the answer is the one of `etag`.

        Gives any answer; raises SourceError where there is none.
        """
        problem: SourceError
        try:
            session = self._session or self._open()
            headers = self._choose_headers(session, authorization, etag, data)
            with patience.deadline:
                response = await session.request(
                    GET if data is None else POST,
                    question.url,
                    headers=headers,
                    data=data,
                    timeout=patience.timeout,
                    allow_redirects=False,
                )
                return await self._take(response, question)
        except FAULTS as error:
            problem = describe_fault(error, question.place)
        # Raised out here, so that it holds no reference to aiohttp's error, whose repr shows the headers.
        raise problem

    async def close(self) -> None:
        """Close all connections; nothing can be sent any more."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
        for patience in (self.quick, self.patient):
            patience.deadline.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise SourceUnavailable("The source is closed.")
        connector = aiohttp.TCPConnector(
            limit=self._transport.concurrency,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ssl=self._transport.ssl or True,
        )
        # Not kept here: it may hold a password.
        proxy = choose_proxy(self._base, self._transport)
        self._has_proxy = proxy is not None
        self._session = aiohttp.ClientSession(
            connector=connector,
            proxy=proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            # docs.dintero.com asks integrations for the first two, read 2026-08.
            headers=CIMultiDict(
                {
                    "Dintero-System-Name": SYSTEM_NAME,
                    "Dintero-System-Version": __version__,
                    "User-Agent": f"{SYSTEM_NAME}/{__version__}",
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip, deflate",
                }
            ),
        )
        return self._session

    def _choose_headers(
        self,
        session: aiohttp.ClientSession,
        authorization: Authorization,
        etag: str | None,
        data: bytes | None,
    ) -> Mapping[str, str] | None:
        """Choose what one request carries beyond what all of the session do."""
        if data is not None:
            return {AUTHORIZATION: authorization.value, CONTENT_TYPE: "application/json"}
        if self._has_proxy:
            # What the session carries aiohttp tells the proxy too, in the clear, when it opens a tunnel.
            own: dict[str, str] = {AUTHORIZATION: authorization.value}
            return own if etag is None else own | {IF_NONE_MATCH: etag}
        if authorization is not self._authorization:
            # aiohttp merges those of all requests in C, and those of one in Python. A request takes them
            # before it waits for anything: each leaves with the token that it was given here.
            session.headers[AUTHORIZATION] = authorization.value
            self._authorization = authorization
        return None if etag is None else {IF_NONE_MATCH: etag}

    async def _take(self, response: aiohttp.ClientResponse, question: Question) -> Answer:
        """Read what has come, within the bounds, and let go of the connection."""
        content = response.content
        try:
            # A small body has come with its head: there is nothing to wait for.
            body = content.read_nowait()
            if not content.at_eof() or len(body) > self._body_bytes:
                body = await self._read_rest(response, body, question)
            return Answer(response.status, response.headers, body)
        finally:
            if not response.closed:
                response.release()

    async def _read_rest(self, response: aiohttp.ClientResponse, start: bytes, question: Question) -> bytes:
        """Read a body that did not come in one piece, within the bounds."""
        is_wanted = response.status == HTTP_OK
        limit = self._body_bytes if is_wanted else min(ERROR_BODY_BYTES, self._body_bytes)
        if is_wanted and (response.content_length or 0) > limit:
            raise _make_oversized(question.place, limit)
        content, pieces, size = response.content, [start], len(start)
        with self._budget.lease() as lease:
            await lease.take(size)
            while size <= limit and not content.at_eof():
                piece = await content.readany()
                await lease.take(len(piece))
                pieces.append(piece)
                size += len(piece)
            if size <= limit:
                return b"".join(pieces)
            if is_wanted:
                raise _make_oversized(question.place, limit)
            return b"".join(pieces)[:limit]


def _make_oversized(place: Place, limit: int) -> OversizedBody:
    return OversizedBody(
        f"Dintero's answer for {place} is longer than the bound of {limit:,} bytes, and was not read.",
        status=HTTP_OK,
    )


def choose_proxy(base: URL, transport: Transport) -> URL | None:
    """Choose the proxy for all requests, once: aiohttp's own trust_env asks a thread for each request."""
    if transport.proxy:
        return URL(transport.proxy)
    if not transport.trust_env or proxy_bypass(base.host or ""):
        return None
    proxies = getproxies()
    address = proxies.get(base.scheme) or proxies.get("all")
    return URL(address) if address else None


def now_utc() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)
