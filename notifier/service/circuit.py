"""Reads the targets of one source in turn: no other source has to wait for it."""

import asyncio
from array import array
from collections.abc import Callable, Sequence

from notifier.domain.pace import Pace
from notifier.domain.watch import PartnerTarget, Target
from notifier.service.agenda import Agenda
from notifier.service.poller import Poller
from notifier.service.ports import Clock
from notifier.service.store_watch import StoreWatch


class Circuit:
    """The polls of one source, some at a time, each target at its time; `jitter` gives numbers in [0, 1).

    A source that may be asked seldom, or is slow, keeps those waiting who poll it: they poll no other.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        poller: Poller,
        clock: Clock,
        pace: Pace,
        watch: StoreWatch | None,
        jitter: Callable[[], float],
    ) -> None:
        self._poller = poller
        self._monotonic = clock.monotonic
        self._pace = pace
        self._watch = watch
        self._jitter = jitter
        self._agenda = Agenda(targets, clock, pace.choose_step_seconds(len(targets)))
        self._at_once = min(pace.concurrency, len(targets))
        self._is_spread = bytearray(len(targets))
        # Of each target, when it was read last and for how long it is left alone: twelve bytes.
        self._read_at = array("d", bytes(8 * len(targets)))
        self._intervals = array("f", bytes(4 * len(targets)))

    async def run(self) -> None:
        """Poll until `close`."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._work())

    def close(self) -> None:
        """Let nothing be read any more; what is being read goes on to its end."""
        self._agenda.close()

    async def _work(self) -> None:
        agenda = self._agenda
        while (taken := agenda.pop() or await agenda.take()) is not None:
            place, target = taken
            if self._watch is not None and not self._watch.is_well.is_set():
                # What is read while nothing can be kept would only have to be read again.
                await self._watch.is_well.wait()
            is_at_ease = self._poller.is_at_ease(target.source)
            rest_seconds = 0.0 if is_at_ease else self._find_rest_seconds(place, target)
            if rest_seconds:
                agenda.put(self._monotonic() + rest_seconds, place)
            else:
                self._plan(place, target, is_pending=await self._poller.poll(target))

    def _find_rest_seconds(self, place: int, target: Target) -> float:
        """Return for how long a target is not to be read although its interval is over, 0 where it is."""
        held_seconds = self._poller.find_hold_seconds(target)
        if held_seconds:
            return self._pace.spread_hold_seconds(held_seconds, self._jitter())
        stretch = self._poller.find_stretch(target)
        if stretch <= 1:
            return 0.0
        interval = self._intervals[place]
        left = self._read_at[place] + interval * stretch - self._monotonic()
        # Asked again after each interval: it lasts no longer than the strain does.
        return max(0.0, min(left, interval))

    def _plan(self, place: int, target: Target, *, is_pending: bool) -> None:
        """Choose when a target that was just read is to be read again."""
        seconds = self._pace.choose_wait_seconds(
            is_pending=is_pending,
            is_first=not self._is_spread[place],
            chance=self._jitter(),
            is_walk=isinstance(target, PartnerTarget),
        )
        self._is_spread[place] = 1
        now = self._monotonic()
        self._read_at[place], self._intervals[place] = now, seconds
        if self._poller.has_holds:
            seconds = max(seconds, self._poller.find_hold_seconds(target))
        self._agenda.put(now + seconds, place)
