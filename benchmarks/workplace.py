"""A database with the workers that share it, each a process, and a Dintero that costs next to nothing."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from benchmarks.outside import Outside
from benchmarks.program import NOBODY, Running, run_program
from benchmarks.usage import DatabaseUse, Meter, Use

TICK_SECONDS: Final = 1
_LOOK_SECONDS: Final = 0.05
_START_SECONDS: Final = 60.0
_STARTED: Final = b'"event":"started"'
# As often as they can: what was read is due again by the next time that it is looked for what is due.
_POLL: Final = "interval_seconds = 0.1\nquiet_interval_seconds = 0.1\nconcurrency = 50"


class Workplace:
    """A `with` block; all workers are dismissed at its end.

    `watched` is TOML for `[dintero]`, `telling` for whom it is told to; `url` is an empty database.
    """

    def __init__(
        self, folder: Path, url: str, servers: tuple[Outside, ...], base_url: str, *, telling: str = NOBODY
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._url = url
        self._servers = servers
        self._base_url = base_url
        self._telling = telling
        self._hired = 0
        self._stack = ExitStack()
        self.crew: list[Running] = []
        self.database = DatabaseUse(url)

    def hire(self, watched: str) -> Running:
        """Start a worker more, and wait until it works."""
        self._hired += 1
        place = self._folder / str(self._hired)
        place.mkdir()
        environ = {"NOTIFIER_STORE__URL": self._url, "NOTIFIER_WORKERS__TICK_SECONDS": str(TICK_SECONDS)}
        running = self._stack.enter_context(
            run_program(place, self._base_url, dintero=watched, poll=_POLL, telling=self._telling, **environ)
        )
        self.crew.append(running)
        said = place / "notifier.log"
        self.wait(lambda: _STARTED in said.read_bytes(), _START_SECONDS, "the start of a worker")
        return running

    def dismiss(self) -> None:
        """Let all workers end."""
        self.crew.clear()
        self._stack.close()

    def measure(self, count: Callable[[], int], is_over: Callable[[float], bool], seconds: float) -> Use:
        """Measure until it is over, which is asked with the seconds so far, and has to be within so many."""
        meter, before, began = Meter(self.crew, self.database, self._servers), count(), time.monotonic()
        self.wait(lambda: is_over(time.monotonic() - began), seconds, "what is measured")
        return meter.read(count() - before)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for a condition. Raises TimeoutError, and RuntimeError when a worker has ended."""
        until = time.monotonic() + seconds
        while not condition():
            if any(one.process.poll() is not None for one in self.crew):
                raise RuntimeError(f"a worker has ended; waited for: {what}")
            if time.monotonic() > until:
                raise TimeoutError(f"not within {seconds:g} s: {what} (load {os.getloadavg()[0]:.1f})")
            time.sleep(_LOOK_SECONDS)

    def count(self, statement: str) -> int:
        """Return the number that a statement gives; 0 while there are no tables yet."""
        if self.database.read("SELECT to_regclass('shards')::text") is None:
            return 0
        return int(str(self.database.read(statement) or 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()
        self.database.connection.close()
