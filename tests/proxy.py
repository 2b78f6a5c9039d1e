"""A way to a PostgreSQL over loopback that can be cut, closed, and made to swallow the answer to a commit."""

import socket
import threading
from contextlib import suppress
from typing import Self

_BYTES = 65_536


class Proxy:
    """Passes on what comes in at `port` to a Unix socket, and back; everything runs in threads of its own."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_closed = False
        self.swallows_commit = False
        self.swallowed = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [self._start(self._accept)]

    def cut(self) -> None:
        """End every connection without a word."""
        for pair in self._pairs:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _start(self, work: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_closed:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                server.close()
                continue
            self._pairs.append((client, server))
            self._threads += [
                self._start(self._pass, client, server, True),
                self._start(self._pass, server, client, False),
            ]

    def _pass(self, source: socket.socket, sink: socket.socket, is_asking: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_BYTES):
                if is_asking and self.swallows_commit and b"COMMIT" in data:
                    self.swallowed.set()
                elif not is_asking and self.swallowed.is_set():
                    break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
