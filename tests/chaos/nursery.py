"""The parent's end of a nursery: starts lives of the program, ends them, and hears how they ended."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import notifier

REPOSITORY: Final = Path(notifier.__file__).parents[1]


class Life:
    """One process of the program, from its start to its end."""

    def __init__(self, number: int, nursery: "Nursery") -> None:
        self.number = number
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.stopped = asyncio.Event()
        self.was_killed = False
        self._nursery = nursery

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        self._nursery.order({"number": self.number, "signal": int(number)})

    async def wait(self, seconds: float) -> int | None:
        """Wait for its end and return its exit code (-9: killed), None if it has not ended by then."""
        await asyncio.wait((self.ended,), timeout=seconds)
        return self.ended.result() if self.ended.done() else None

    async def kill(self) -> int:
        """End it with SIGKILL, and return its exit code, which may be another if it was faster."""
        self.was_killed = True
        self.send(signal.SIGKILL)
        return await self.ended


class Nursery:
    """Where lives come from; when it is left, those that are still there are killed."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._lives: dict[int, Life] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.chaos.launch", "--nursery"),
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._hearing = asyncio.ensure_future(self._hear(self._process))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._hearing is not None:
            await self._hearing

    def bear(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        *options: str,
        out: str = "out",
    ) -> Life:
        """Start a life in a folder; `options` are those of `launch.py`.

        What it prints is appended to the files `out` and `err` there.
        """
        life = Life(next(self._numbers), self)
        self._lives[life.number] = life
        self.order(
            {
                "number": life.number,
                "arguments": [*options, "--", *command],
                "env": dict(env),
                "folder": str(folder),
                "out": out,
                "err": "err",
            }
        )
        return life

    def order(self, order: Mapping[str, Any]) -> None:
        """Tell the nursery to do something."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the nursery is not open")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            news = json.loads(line)
            life = self._lives[news["number"]]
            if news.get("stopped"):
                life.stopped.set()
            else:
                del self._lives[life.number]
                life.ended.set_result(news["code"])
        for life in self._lives.values():
            life.ended.cancel()
