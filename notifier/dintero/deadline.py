"""A bound on how long exchanges may take, with one timer for all that are under way."""

import asyncio
from types import TracebackType
from typing import Any, Final


class Deadline:
    """Ends whatever takes longer than `seconds`: the `with` block of a task then raises TimeoutError.

    aiohttp would make, sort and cancel a timer for each request, and nearly none ever rings. As every block
    has the same time, the first that was entered is the first to be over, and one timer does for all. It is
    set anew only when it rings. A task is in one block at a time.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._struck: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None or task in self._ends:
            raise RuntimeError("a deadline is for one block of a task at a time")
        loop = asyncio.get_running_loop()
        end = self._ends[task] = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_at(end, self._strike)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        del self._ends[task]
        if self._struck and task in self._struck:
            self._struck.discard(task)
            # Somebody else may have cancelled it as well: then that is what it ends with.
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def close(self) -> None:
        """Let the timer go; while somebody is in a block it rings for that one all the same."""
        if self._timer is not None and not self._ends:
            self._timer.cancel()
            self._timer = None

    def _strike(self) -> None:
        """End those whose time is over, and set the timer for the next."""
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, end in self._ends.items():
            if end > now:
                self._timer = loop.call_at(end, self._strike)
                return
            if task not in self._struck:
                self._struck.add(task)
                task.cancel()
