"""Goes through the signature links in the store: erases what nobody needs, encrypts what has to be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import structlog

from notifier.domain.keeping import LINKS, LinkSweep, describe_unreadable
from notifier.service.ports import Books, Clock

_log = structlog.get_logger("notifier.store")

PAUSE_SECONDS: Final = 600.0
"""Between two looks at all links."""
SHORT_PAUSE_SECONDS: Final = 60.0
"""The same while some cannot be decrypted, or something could not be done."""
BREATH_SECONDS: Final = 0.005
"""Between two batches: polls and deliveries want the store too."""
COMPACTING_EVERY: Final = timedelta(days=1)
"""So long copies of erased links may be left in the file, where SQLite moved their rows."""

_T = TypeVar("_T")


class LinkStore(Protocol):
    """As much of the store as this takes."""

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job inside one transaction."""

    async def clean(self, *, compacts: bool) -> bool:
        """Leave nothing in the files of what was erased; return whether nobody was in the way."""


class LinkKeeper:
    """Keeps links for as long as their cases are open, and for `grace` after that."""

    def __init__(self, store: LinkStore, clock: Clock, grace: timedelta, *, has_key: bool) -> None:
        self._store = store
        self._clock = clock
        self._grace = grace
        self._has_key = has_key
        self._has_sealed = False
        self._unreadable = 0

    async def tend(self) -> float:
        """Go through all links once; return the seconds until the next time. Raises StoreError."""
        total = await self._sweep()
        if total.erased or total.sealed:
            _log.info("signature links", erased=total.erased, encrypted=total.sealed)
        await self._tell(total.unreadable)
        # What was encrypted is so only when no copy of it is left; what was erased can wait for the next day.
        self._has_sealed = self._has_sealed or total.sealed > 0
        since = total.stale_since
        is_old = since is not None and self._clock.now() - since >= COMPACTING_EVERY
        compacts = is_old or (since is not None and self._has_sealed)
        if compacts:
            _log.info("compacting the store")
        is_clean = await self._store.clean(compacts=compacts)
        self._has_sealed = self._has_sealed and not is_clean
        return PAUSE_SECONDS if is_clean and not total.unreadable else SHORT_PAUSE_SECONDS

    async def _sweep(self) -> LinkSweep:
        total, after = LinkSweep(), ""
        while True:
            part = await self._look(after, self._clock.now())
            total = replace(
                part,
                erased=total.erased + part.erased,
                sealed=total.sealed + part.sealed,
                unreadable=total.unreadable + part.unreadable,
            )
            if part.last is None:
                return total
            after = part.last
            await self._clock.sleep(BREATH_SECONDS)

    async def _look(self, after: str, now: datetime) -> LinkSweep:
        return await self._store.run(lambda books: books.tend_links(after, now, self._grace))

    async def _tell(self, unreadable: int) -> None:
        """Say that links cannot be decrypted, once, and take it back when it is over.

        The store is told each time: it may have been another process that has said otherwise there.
        """
        sentence = describe_unreadable(unreadable, has_key=self._has_key) if unreadable else ""
        now = self._clock.now()

        def job(books: Books) -> None:
            if unreadable:
                books.save_problem(LINKS, sentence, now)
            else:
                books.clear_problem(LINKS)

        await self._store.run(job)
        if unreadable == self._unreadable:
            return
        self._unreadable = unreadable
        if unreadable:
            _log.error("signature links cannot be decrypted", error=f"{LINKS}: {sentence}")
        else:
            _log.info("all signature links can be decrypted")
