"""What a process and its store amount to at one moment."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

MEBIBYTE: Final = 1024 * 1024
_ANSWER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment, `at_seconds` after the start; a count is -1 where it could not be had.

    `resident_mib` is the memory that the process has, `open` are the notifications that wait or are on their
    way, `told` all that there ever were, `posts` what Slack was sent, whatever became of it.
    """

    at_seconds: float
    resident_mib: float
    descriptors: int
    threads: int
    tasks: int
    objects: int
    database_mib: float
    wal_mib: float
    open: int
    told: int
    posts: int


class Sampler:
    """Takes samples of one process, whose probe writes to `answer`, and of its store."""

    def __init__(self, pid: int, store: Path, answer: Path, count_posts: Callable[[], int]) -> None:
        self._pid = pid
        self._store = store
        self._answer = answer
        self._count_posts = count_posts
        self._asked = 0
        self._started_at = monotonic()

    async def take(self) -> Sample:
        """Take one sample. Raises LookupError when the process is no more."""
        counts = await self._ask()
        status = self._read_status()
        states = self._count_states()
        return Sample(
            at_seconds=monotonic() - self._started_at,
            resident_mib=status["VmRSS"] / 1024,
            descriptors=self._count_descriptors(),
            threads=status["Threads"],
            tasks=counts.get("tasks", -1),
            objects=counts.get("objects", -1),
            database_mib=self._measure(""),
            wal_mib=self._measure("-wal"),
            open=states.get("due", 0) + states.get("sending", 0),
            told=sum(states.values()),
            posts=self._count_posts(),
        )

    async def _ask(self) -> dict[str, int]:
        """Ask the probe, and wait for its answer, but not for long."""
        self._asked += 1
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGUSR1)
        until = monotonic() + _ANSWER_SECONDS
        while monotonic() < until:
            with suppress(ValueError):
                counts: dict[str, int] = json.loads(self._answer.read_text("utf-8"))
                if counts["asked"] >= self._asked:
                    return counts
            await asyncio.sleep(_LOOK_SECONDS)
        return {}

    def _read_status(self) -> dict[str, int]:
        """Read proc(5), status: VmRSS in KiB, Threads."""
        try:
            lines = Path(f"/proc/{self._pid}/status").read_text("ascii").splitlines()
        except OSError:
            raise LookupError("the program has ended") from None
        fields = dict(line.partition(":")[::2] for line in lines)
        if "VmRSS" not in fields:
            raise LookupError("the program has ended")
        return {name: int(fields[name].split()[0]) for name in ("VmRSS", "Threads")}

    def _count_descriptors(self) -> int:
        try:
            return len(list(Path(f"/proc/{self._pid}/fd").iterdir()))
        except OSError:
            raise LookupError("the program has ended") from None

    def _count_states(self) -> dict[str, int]:
        # A connection of its own each time: one that stays could keep the WAL from being emptied.
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True, timeout=5.0)) as connection:
            return dict(connection.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())

    def _measure(self, ending: str) -> float:
        path = Path(f"{self._store}{ending}")
        return path.stat().st_size / MEBIBYTE if path.exists() else 0.0
