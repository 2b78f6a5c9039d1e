"""A Dintero that costs next to nothing: HTTP/1.1 in some lines, answers made beforehand.

An aiohttp server uses more CPU for a request than the client that is to be measured. This one looks up the
path, compares an ETag and writes bytes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import Final, Protocol, Self

import msgspec

from benchmarks.population import NAME, list_account_ids, make_book, make_path
from benchmarks.wire import open_wire

_MISSING: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_TOKEN_BODY: Final = b'{"access_token":"canned","token_type":"Bearer","expires_in":86400}'


@dataclass(slots=True)
class Answer:
    """The bytes for one path: whole, and for those who have the body already.

    `first_sent_at` is when (monotonic) the last byte was first written, None before.
    """

    full: bytes
    unchanged: bytes
    match: bytes
    first_sent_at: float | None = field(default=None)


class CannedDintero:
    """Serves one connection each of some accounts, and a token to whoever asks."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Answer] = {}
        self.requests = 0
        self._book = make_book(0)
        self._has_etags = False
        self._url = ""

    def base_url(self) -> str:
        """Return what stands for Dintero's address."""
        return f"{self._url}/v1"

    def fill(self, count: int, *, has_etags: bool) -> None:
        """Hold so many accounts with one quiet connection each, with or without ETags."""
        self._has_etags = has_etags
        self._book = make_book(count)
        self.answers = {}
        for account_id in list_account_ids(count):
            self._put(account_id)

    def ask_for_signature(self, account_id: str) -> None:
        """Change one connection: a signature is required."""
        self._book.require_signature(account_id, NAME)
        self._put(account_id)

    def set_status(self, account_id: str, status: str) -> None:
        """Change one connection: it has come to a status."""
        self._book.set_status(account_id, NAME, status)
        self._put(account_id)

    def read_first_sent_at(self, account_id: str) -> float | None:
        """Return when (monotonic) the present answer for an account was first sent in full."""
        return self.answers[make_path(account_id).encode()].first_sent_at

    def count_requests(self) -> int:
        """Return how many requests came."""
        return self.requests

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        async with serve_dintero(self) as self._url:
            yield self

    def answer(self, head: bytes) -> bytes:
        """Answer a GET."""
        self.requests += 1
        answer = self.answers.get(head.split(b" ", 2)[1])
        if answer is None:
            return _MISSING
        if answer.first_sent_at is None:
            # Written as soon as this returns.
            answer.first_sent_at = monotonic()
        return answer.unchanged if answer.match and answer.match in head else answer.full

    def _put(self, account_id: str) -> None:
        body = msgspec.json.encode(self._book.connection(account_id, NAME))
        etag = f'"{blake2b(body, digest_size=16).hexdigest()}"' if self._has_etags else ""
        self.answers[make_path(account_id).encode()] = Answer(
            frame(body, etag),
            f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode(),
            f"\r\nIf-None-Match: {etag}\r\n".encode() if etag else b"",
        )


class Answering(Protocol):
    """What answers a GET, whose head it is given, with the bytes that go over the wire."""

    def answer(self, head: bytes) -> bytes:
        """Answer."""


@asynccontextmanager
async def serve_dintero(answering: Answering) -> AsyncIterator[str]:
    """Serve on loopback until the block ends, at the address that is given; a token to whoever posts."""

    def answer(head: bytes, _body: bytes) -> bytes:
        return _TOKEN if head.startswith(b"POST") else answering.answer(head)

    async with open_wire(answer) as url:
        yield url


def frame(body: bytes, etag: str = "") -> bytes:
    """Write an answer with a body, and its ETag where it has one."""
    line = f"ETag: {etag}\r\n" if etag else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{line}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_TOKEN: Final = frame(_TOKEN_BODY)
