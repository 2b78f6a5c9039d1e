"""The servers, in a process of their own: their CPU time is not the client's."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

ANSWER_SECONDS: Final = 60.0

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_T = TypeVar("_T")


class Host(Protocol):
    """What lives in the other process: it serves as long as its block lasts."""

    def serve(self) -> AbstractAsyncContextManager[Any]:
        """Serve until the block ends."""


class Outside:
    """A process with a host in it, as a `with` block.

    `make_host` is a class or a function at the top of a module; it is called over there.
    """

    def __init__(self, make_host: Callable[[], Host]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(make_host, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._receive()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.send(None)
        self._process.join(ANSWER_SECONDS)
        self._connection.close()

    def do(self, method: Callable[..., _T], *arguments: object, **named: object) -> _T:
        """Call a method of the host over there and return what it returns."""
        self._connection.send((method.__name__, arguments, named))
        answer: _T = self._receive()
        return answer

    def read_cpu_seconds(self) -> float:
        """Return the CPU time that the process has used so far (proc(5), stat: utime and stime)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def _receive(self) -> Any:
        if not self._connection.poll(ANSWER_SECONDS):
            raise TimeoutError("the servers' process does not answer")
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _live(make_host: Callable[[], Host], connection: Connection) -> None:
    asyncio.run(_serve(make_host(), connection))


async def _serve(host: Host, connection: Connection) -> None:
    ended = asyncio.Event()

    def answer() -> None:
        try:
            asked = connection.recv()
        except EOFError:
            asked = None
        if asked is None:
            asyncio.get_running_loop().remove_reader(connection.fileno())
            ended.set()
            return
        name, arguments, named = asked
        try:
            connection.send(getattr(host, name)(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - it is raised where the question came from
            connection.send(error)

    async with host.serve():
        connection.send("ready")
        asyncio.get_running_loop().add_reader(connection.fileno(), answer)
        await ended.wait()
