"""Hands what was read to the recorder, and asks directly for what seems to be missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import AccountTarget, PartnerTarget, Sighting, Target
from notifier.domain.waypoints import Waypoint, reach
from notifier.service.memory import Memory, Walked
from notifier.service.ports import Source, Wake
from notifier.service.recorder import Recorded, Recorder

_log = structlog.get_logger("notifier.poll")


@dataclass(slots=True)
class Tally:
    """What the polls since the last line of log came to."""

    polls: int = 0
    unchanged: int = 0
    failed: int = 0
    changes: int = 0
    notifications: int = 0


class Verifier:
    """Keeps what polls and walks read. `on_news` is called after every commit that filled the outbox."""

    def __init__(
        self, sources: Mapping[str, Source], recorder: Recorder, on_news: Wake, memory: Memory
    ) -> None:
        self._sources = sources
        self._memory = memory
        self._recorder = recorder
        self._on_news = on_news
        self.tally = Tally()

    async def record(
        self,
        snapshots: list[AccountSnapshot],
        target: Target,
        names: frozenset[str],
        *,
        is_arrival: bool = False,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Keep what is new and confirm what is missing.

        Return the accounts in which somebody waits, and those in which something seemed to be missing that is
        there. Raises SourceError and StoreError.
        """
        recorded = await self._recorder.record(
            snapshots, target.source, names, is_arrival=is_arrival, poll=str(target)
        )
        reach(Waypoint.KEPT)
        self.report(recorded)
        return recorded.pending, await self.confirm(recorded.suspects, target)

    async def keep_page(
        self, page: tuple[Sighting, ...], target: PartnerTarget, walked: Walked, *, is_arrival: bool = False
    ) -> None:
        """Keep what is new on a page of a partner's accounts. Raises SourceError and StoreError."""
        read = [one for one in page if one.snapshot and one.account_id]
        self.tally.unchanged += len(page) - len(read)
        snapshots = [one.snapshot for one in read if one.snapshot]
        if not snapshots:
            return
        reach(Waypoint.READ)
        for sighting in read:
            # It may be kept although it fails: then an answer like the one before would be news again.
            walked.digests.pop(sighting.account_id, None)
        ids = {one.account_id for one in read}
        for account_id in walked.pending & ids:
            # What was read of it alone is older than this, and must not pass for what is known.
            self._memory.forget(AccountTarget(target.source, account_id, target.names))
        waiting, doubtful = await self.record(snapshots, target, target.names, is_arrival=is_arrival)
        walked.pending -= ids
        walked.pending |= waiting
        for one in snapshots:
            walked.note_partial(one.account.account_id, one.problems)
        walked.digests.update({one.account_id: one.digest for one in read})
        for account_id in doubtful:
            walked.digests.pop(account_id, None)

    async def confirm(self, suspects: tuple[ConnectionKey, ...], target: Target) -> frozenset[str]:
        """Ask directly for connections that a complete answer did not show, and end those that are gone.

        Return the accounts of those that are there: who answered may not have known it yet.
        """
        source = self._sources[target.source]
        gone: list[ConnectionKey] = []
        there: set[str] = set()
        for key in suspects:
            snapshot = await source.confirm(key)
            reach(Waypoint.CONFIRMED)
            if snapshot is None:
                gone.append(key)
            else:
                there.add(key.account_id)
                self.report(await self._recorder.record([snapshot], target.source, poll=str(target)))
        if gone:
            self.report(await self._recorder.record_gone(gone, str(target)))
        return frozenset(there)

    def report(self, recorded: Recorded) -> None:
        """Count and log what was recorded, and say so where somebody is to be told."""
        self.tally.changes += len(recorded.changes)
        self.tally.notifications += recorded.notifications
        for change in recorded.changes:
            # A first walk finds a hundred thousand that nobody is told of; the store knows them, and why.
            say = _log.info if change.is_told else _log.debug
            say(
                "change",
                connection=str(change.key),
                topic=change.topic,
                status=change.status,
                case=change.case_id,
                reason=change.reason,
                told=change.is_told,
            )
        if recorded.notifications:
            self._on_news(recorded.destinations)
