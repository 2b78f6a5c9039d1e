"""A proxy on loopback: takes CONNECT, and carries bytes to this machine whatever name was asked for."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import unquote


class ConnectProxy:
    """A proxy; with a user it asks for the password. All is carried to `leads_to`, or to the port asked for.

    `asked` are the hosts that were asked for, `seen` is every byte that it could read.
    """

    def __init__(self, user: str = "", password: str = "", leads_to: int | None = None) -> None:
        self._user_info = f"{user}:{password}@" if user else ""
        self._leads_to = leads_to
        self._port = 0
        pair = f"{user}:{unquote(password)}".encode()
        self.credentials = b64encode(pair) if user else b""
        self.asked: list[str] = []
        self.seen = b""

    @property
    def address(self) -> str:
        """Its address, with the credentials."""
        return f"http://{self._user_info}127.0.0.1:{self._port}"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve until the block ends."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.ensure_future(self._carry(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.seen += head
            host = head.split(b" ")[1].decode()
            if self.credentials and b"Basic " + self.credentials not in head:
                writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return
            self.asked.append(host)
            port = self._leads_to or int(host.rpartition(":")[2])
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            finally:
                far_writer.close()
        finally:
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65_536):
            self.seen += piece
            sink.write(piece)
            await sink.drain()
        sink.close()
