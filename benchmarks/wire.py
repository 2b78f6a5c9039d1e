"""HTTP/1.1 in some lines, for servers that are to cost next to nothing and bound nobody."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Answer: TypeAlias = Callable[[bytes, bytes], bytes]
"""Makes of a request's head and body the bytes that go back over the wire."""


@asynccontextmanager
async def open_wire(answer: Answer) -> AsyncIterator[str]:
    """Serve on loopback until the block ends, at the address that is given."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Wire(answer), "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


class _Wire(asyncio.Protocol):
    """One connection to a client."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._held = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete; only a POST has a body."""
        held = self._held + data if self._held else data
        while (end := held.find(b"\r\n\r\n") + 4) > 3:
            head = held[:end]
            length = _LENGTH.search(head) if head.startswith(b"POST") else None
            whole = end + (int(length[1]) if length else 0)
            if len(held) < whole:
                break
            if self._transport is not None:
                self._transport.write(self._answer(head, held[end:whole]))
            held = held[whole:]
        self._held = held
