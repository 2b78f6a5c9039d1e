"""The store as the engine uses it: a store that fails is left alone until a probe gets through.

Whoever wants the store while it fails is refused at once, and comes again. One place speaks of it: a line of
log at the start, one a minute, one at the end; and the emergency path, when it has lasted.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import structlog

from notifier.errors import StoreError, StoreInUse, StoreReplaced, StoreUnavailable
from notifier.service.emergency import Emergency, Trouble
from notifier.service.ports import Books, Clock

_log = structlog.get_logger("notifier.store")

FIRST_PROBE_SECONDS: Final = 0.25
LONGEST_PROBE_SECONDS: Final = 5.0
CALM_SECONDS: Final = 2.0
"""A trouble is over when nothing has failed for so long: until then what fails again is the same one."""
REMINDER_SECONDS: Final = 60.0

_T = TypeVar("_T")


class WatchedStore(Protocol):
    """As much of a store as is watched."""

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job inside one transaction. Raises StoreError only."""

    async def clean(self, *, compacts: bool) -> bool:
        """Leave nothing in the files of what was erased. Raises StoreError."""


class StoreWatch:
    """Passes jobs to the store that it is attached to, and knows whether that works.

    `is_well` is set while it does. `after_seconds` of trouble are told to on-call.
    """

    def __init__(self, clock: Clock, emergency: Emergency, after_seconds: float) -> None:
        self._clock = clock
        self._emergency = emergency
        self._after_seconds = after_seconds
        self._store: WatchedStore | None = None
        self._error: StoreError | None = None
        self._trouble: Trouble | None = None
        self._began = self._mended = self._logged = 0.0
        self._is_alarmed = False
        self._has_trouble = asyncio.Event()
        self.is_well = asyncio.Event()
        self._is_ill = asyncio.Event()
        self.is_well.set()

    def attach(self, store: WatchedStore) -> None:
        """Use this store from now on: it was just opened."""
        self._store = store
        self.recover()

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job inside one transaction of the store. Raises StoreError, at once while the store fails."""
        store = self._require_well()
        try:
            return await store.run(job)
        except StoreError as error:
            self.fail(error)
            raise

    async def clean(self, *, compacts: bool) -> bool:
        """Have the files cleaned; see `Database.clean`. Raises StoreError, at once while the store fails."""
        store = self._require_well()
        try:
            return await store.clean(compacts=compacts)
        except StoreError as error:
            self.fail(error)
            raise

    def fail(self, error: StoreError) -> None:
        """Take note that the store has failed."""
        self._error = error
        self.is_well.clear()
        self._is_ill.set()
        if self._trouble is not None:
            self._trouble = Trouble(self._trouble.since, str(error))
            return
        self._trouble = Trouble(self._clock.now(), str(error))
        self._began = self._logged = self._clock.monotonic()
        self._has_trouble.set()
        _log.error("the store fails: polls and deliveries wait for it", error=str(error))

    def recover(self) -> None:
        """Take note that the store has done what it was asked for."""
        self._error = None
        self._is_ill.clear()
        self._mended = self._clock.monotonic()
        self.is_well.set()

    async def guard(self, probe: Callable[[Books], None]) -> None:
        """Whenever the store fails, try it with a job that writes, less and less often, until it works.

        Ends only by raising StoreReplaced or StoreInUse: then this engine's time is over.
        """
        while True:
            await self._is_ill.wait()
            seconds = FIRST_PROBE_SECONDS
            while self._is_ill.is_set():
                await self._clock.sleep(seconds)
                seconds = min(seconds * 2, LONGEST_PROBE_SECONDS)
                await self._probe(probe)

    async def observe(self) -> None:
        """Say what there is to be said about the store's troubles, until cancelled."""
        step = max(0.05, min(CALM_SECONDS, self._after_seconds) / 4)
        while True:
            await self._has_trouble.wait()
            await self._clock.sleep(step)
            if self._trouble is not None:
                self._look(self._trouble)

    async def _probe(self, probe: Callable[[Books], None]) -> None:
        if self._store is None:
            return
        try:
            await self._store.run(probe)
        except (StoreReplaced, StoreInUse):
            raise
        except StoreError as error:
            self.fail(error)
        else:
            self.recover()

    def _look(self, trouble: Trouble) -> None:
        now = self._clock.monotonic()
        if self._error is None and now - self._mended >= CALM_SECONDS:
            self._end(trouble)
            return
        if not self._is_alarmed and self._error is not None and now - self._began >= self._after_seconds:
            self._is_alarmed = True
            self._emergency.alarm(trouble)
        if now - self._logged >= REMINDER_SECONDS:
            self._logged = now
            _log.error("the store still fails", error=trouble.sentence, seconds=round(now - self._began))

    def _end(self, trouble: Trouble) -> None:
        _log.info("the store works again", seconds=round(self._mended - self._began, 1))
        if self._is_alarmed:
            self._emergency.all_clear(trouble, self._clock.now())
        self._trouble = None
        self._is_alarmed = False
        self._has_trouble.clear()

    def _require_well(self) -> WatchedStore:
        if self._error is not None:
            # One of its own for each: an exception that is raised again drags all its traces along.
            raise type(self._error)(str(self._error))
        if self._store is None:
            raise StoreUnavailable("the store is not open yet")
        return self._store
