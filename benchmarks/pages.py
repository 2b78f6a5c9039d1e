"""A partner of any size that costs its server little: pages are cut from one account, written once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, Self
from urllib.parse import parse_qs

import msgspec

from benchmarks.canned import frame, serve_dintero
from benchmarks.population import FIRST_ACCOUNT, NAME, OWNER_ID, make_book

_PLACEHOLDER: Final = f"P{FIRST_ACCOUNT}".encode()
_PATH: Final = f"/v1/accounts/{OWNER_ID}/management/accounts"


class CannedPartner:
    """Serves so many accounts that all have the same connections, by pages and one by one, and a token."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._accounts = 0
        self._pages = 0
        self._walks = 0
        self._reads = 0
        self._first_read_at: float | None = None
        self._connection = self._body = b""
        self._url = ""

    def base_url(self) -> str:
        """Return what stands for Dintero's address."""
        return f"{self._url}/v1"

    def fill(self, accounts: int, names: tuple[str, ...]) -> int:
        """Have so many accounts; return the bytes of one."""
        book = make_book(1, names)
        element = {**book.account(f"P{FIRST_ACCOUNT}"), "paging_token": f"P{FIRST_ACCOUNT}"}
        written = msgspec.json.encode(element)
        self._pieces = written.split(_PLACEHOLDER)
        self._accounts = accounts
        self._body = msgspec.json.encode(make_book(1).connection(f"P{FIRST_ACCOUNT}", NAME))
        self._connection = frame(self._body)
        return len(written)

    def read_connection(self) -> bytes:
        """Return the body for every connection that is read alone."""
        return self._body

    def count_reads(self) -> int:
        """Return how many connections were asked for."""
        return self._reads

    def take_first_read_at(self) -> float | None:
        """Return when (monotonic) the first connection was asked for since this was asked last."""
        first, self._first_read_at = self._first_read_at, None
        return first

    def count_pages(self) -> int:
        """Return how many pages were asked for."""
        return self._pages

    def count_walks(self) -> int:
        """Return how often the empty page behind the last one was asked for: the end of a walk."""
        return self._walks

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        async with serve_dintero(self) as self._url:
            yield self

    def answer(self, head: bytes) -> bytes:
        """Answer a GET."""
        path, _, query = head.split(b" ", 2)[1].decode("ascii").partition("?")
        if path != _PATH:
            self._reads += 1
            self._first_read_at = self._first_read_at or monotonic()
            return self._connection
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        after = asked.get("starting_after")
        first = 0 if after is None else int(after[1:]) - FIRST_ACCOUNT + 1
        last = min(first + int(asked.get("limit", "10")), self._accounts)
        self._pages += 1
        self._walks += first >= last
        ids = (f"P{FIRST_ACCOUNT + number}".encode() for number in range(first, last))
        return frame(b"[" + b",".join(one.join(self._pieces) for one in ids) + b"]")
