"""Keeps an engine running on the store at one place, through whatever passes by itself."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from notifier.errors import StoreReplaced, StoreUnavailable, StoreUnusable
from notifier.service.store_watch import StoreWatch, WatchedStore

_log = structlog.get_logger("notifier.engine")

FIRST_RETRY_SECONDS: Final = 0.25
LONGEST_RETRY_SECONDS: Final = 5.0


class OpenStore(WatchedStore, Protocol):
    """A store that is open for one engine."""

    def close(self) -> None:
        """Let another engine have it."""


class Machine(Protocol):
    """An engine of either kind."""

    async def run(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        """Work until `stopping` is set, then end within the grace time. Raises StoreError."""


class Supervisor:
    """Opens the store and runs an engine on it; when another file takes its place, another engine on that.

    `open_store` makes the store where there is none only when it is told to. An engine remembers much beside
    its store, so none ever goes on with another one.
    """

    def __init__(
        self,
        open_store: Callable[[bool], OpenStore],
        make_engine: Callable[[StoreWatch], Machine],
        watch: StoreWatch,
    ) -> None:
        self._open_store = open_store
        self._make_engine = make_engine
        self._watch = watch
        self._is_first = True

    async def run(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        """Run until `stopping` is set.

        Raises StoreInUse, and at the start StoreUnusable: then somebody has to act.
        """
        seconds = FIRST_RETRY_SECONDS
        while not stopping.is_set():
            try:
                await self._run_one(stopping, grace_seconds)
            except StoreReplaced as error:
                _log.warning("starting anew with another store", error=str(error))
                self._is_first = False
                seconds = FIRST_RETRY_SECONDS
            except (StoreUnavailable, StoreUnusable) as error:
                if isinstance(error, StoreUnusable) and self._is_first:
                    raise
                self._watch.fail(error)
                await _wait(stopping, seconds)
                seconds = min(seconds * 2, LONGEST_RETRY_SECONDS)

    async def _run_one(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        store = await asyncio.to_thread(self._open_store, self._is_first)
        # An engine sets this itself when it ends: the next one needs another.
        leaving = asyncio.Event()
        passing_on = asyncio.ensure_future(_pass_on(stopping, leaving))
        try:
            self._watch.attach(store)
            await self._make_engine(self._watch).run(leaving, grace_seconds)
        finally:
            passing_on.cancel()
            await asyncio.to_thread(store.close)


async def _pass_on(stopping: asyncio.Event, leaving: asyncio.Event) -> None:
    await stopping.wait()
    leaving.set()


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
