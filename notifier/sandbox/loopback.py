"""What both sandbox servers have in common: serving on loopback, counting, faults."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Self

from aiohttp import hdrs, web

from notifier.sandbox.causing import Sleep, cause
from notifier.sandbox.faults import Faults

Clock = Callable[[], datetime]
"""Returns the present time, aware and in UTC."""
Monotonic = Callable[[], float]
"""Returns seconds that never jump."""

RECENT_REQUESTS = 1000
SHUTDOWN_SECONDS = 0.05
BACKLOG = 1024
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that a server received.

    Attributes:
        method: HTTP method.
        path: path with its query string, as sent.
        arrived_at: monotonic seconds.
    """

    method: str
    path: str
    arrived_at: float
    _headers: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Header values by lower-case name; credentials are reduced to their scheme."""
        return {
            name.lower(): value.partition(" ")[0] if name.lower() in SECRET_HEADERS else value
            for name, value in self._headers.items()
        }

    def __repr__(self) -> str:
        """Leave the headers out: they hold credentials."""
        return f"SeenRequest({self.method} {self.path} at {self.arrived_at:.3f})"


class LoopbackServer(ABC):
    """An HTTP server on loopback which counts requests and causes faults.

    Attributes:
        faults: the plan of faults; change it at any time.
        counts: requests by the route's name (`unknown` for none).
        statuses: answers by HTTP status (an answer that a fault replaced is not counted).
        requests: the most recent requests, oldest first.
    """

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        clock: Clock = utc_now,
        monotonic_seconds: Monotonic = monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take the plan of faults and the clocks; nothing is served yet."""
        self.faults = faults if faults is not None else Faults()
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.requests: deque[SeenRequest] = deque(maxlen=RECENT_REQUESTS)
        self._clock = clock
        self._monotonic_seconds = monotonic_seconds
        self._sleep = sleep
        self._url = ""
        self._in_flight: set[asyncio.Task[object]] = set()

    @property
    def url(self) -> str:
        """Address without a path, such as `http://127.0.0.1:40123`."""
        if not self._url:
            msg = "the server is not being served"
            raise RuntimeError(msg)
        return self._url

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Serve until the block ends; requests that still hang then are cancelled at once.

        Port 0 takes a free one; a port that is taken is an OSError. The same object may be
        served again, for instance on the same port after an outage: its state stays.
        """
        listening = socket.create_server((host, port), backlog=BACKLOG)
        server = web.Server(self._handle, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            self._url = f"http://{host}:{listening.getsockname()[1]}"
            yield self
        finally:
            asyncio.get_running_loop().remove_reader(listening)
            await asyncio.sleep(0)  # lets connections that were just accepted become known
            await self._break_off(server)
            await runner.cleanup()
            listening.close()

    async def _break_off(self, server: web.Server) -> None:
        """Close every connection and cancel every request, and let the loop notice both."""
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        tasks = tuple(self._in_flight)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    @abstractmethod
    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Do what the request asks; called when no fault stands in the way."""

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is not None:
            self._in_flight.add(task)
        try:
            return await self._handle_or_fail(request)
        finally:
            if task is not None:
                self._in_flight.discard(task)

    async def _handle_or_fail(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        self.requests.append(SeenRequest(request.method, path, self._monotonic_seconds(), request.headers))
        fault = self.faults.due(request.method, path)
        if fault is not None:
            return await cause(fault, request, self._effect_of(request), self._sleep)
        response = await self._answer(request)
        self.statuses[response.status] += 1
        return response

    def _effect_of(self, request: web.BaseRequest) -> Callable[[], Awaitable[web.StreamResponse]]:
        async def effect() -> web.StreamResponse:
            return await self._answer(request)

        return effect


def bearer_token(request: web.BaseRequest) -> str | None:
    """Return the token of `Authorization: Bearer …`, or None."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
