"""What stands for Slack's incoming webhooks, and bounds nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from time import monotonic
from typing import Final, Self

from benchmarks.peers.tally import Arrival, find_case
from benchmarks.wire import open_wire

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_BUSY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\n\r\nrate_limited"
)


class Inbox:
    """Takes every post, whatever its address, and notes which case it is about."""

    def __init__(self) -> None:
        self.taken: list[Arrival] = []
        self.refused = 0
        self._busy_until = 0.0
        self._url = ""

    def base_url(self) -> str:
        """Return the address below which everything is taken."""
        return self._url

    def list_taken(self) -> list[Arrival]:
        """Return what was taken, in order."""
        return self.taken

    def count_taken(self) -> int:
        """Return how many posts were taken."""
        return len(self.taken)

    def count_refused(self) -> int:
        """Return how many posts were answered with 429."""
        return self.refused

    def forget(self) -> None:
        """Begin anew."""
        self.taken, self.refused = [], 0

    def be_busy(self, seconds: float) -> float:
        """Answer 429, with a Retry-After, for so long; return when (monotonic) that is over."""
        self._busy_until = monotonic() + seconds
        return self._busy_until

    def answer(self, _head: bytes, body: bytes) -> bytes:
        """Take a post, or refuse it."""
        now = monotonic()
        if now < self._busy_until:
            self.refused += 1
            return _BUSY % ceil(self._busy_until - now)
        self.taken.append(Arrival(find_case(body.decode("utf-8", "replace")), now))
        return _OK

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        async with open_wire(self.answer) as self._url:
            yield self
