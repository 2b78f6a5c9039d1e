"""Reports what has been pending for long without any news."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.identity import name_of
from notifier.domain.plan import Guide
from notifier.domain.reminders import stale_at
from notifier.domain.routes import DEFAULT_SCHEDULE
from notifier.domain.stage import Stage, assess
from notifier.domain.state import AccountState, ConnectionState
from notifier.domain.unread import find_unread
from notifier.service.ports import Books
from notifier.service.timekeeper import Timekeeper

MOST_A_LOOK: Final = 200


class StaleKeeper(Timekeeper):
    """Reports, once, pending connections to which nothing has happened for long."""

    async def tend(self) -> float:
        """Look at all that is pending, some accounts at a time; return the seconds until the next look."""
        spans = [one.stale_after for one in self.schedules.values() if one.stale_after is not None]
        if not spans:
            return 24 * 3600.0
        after: str | None = ""
        while after is not None:
            after, told = await self.store.run(partial(self._look, after=after, span=min(spans)))
            if told:
                self.on_news()
        return min(900.0, max(1.0, min(spans).total_seconds() / 10))

    def _look(self, books: Books, *, after: str, span: timedelta) -> tuple[str | None, int]:
        now = self.clock.now()
        ids, last = books.list_silent(after, now - span, MOST_A_LOOK)
        if not ids:
            return last, 0
        guide = self.planner.guide(books, now)
        unread = find_unread(books.troubles.list_problems(), self.list_targets())
        told = 0
        for account in books.load_accounts(ids).values():
            changes = [
                change
                for connection in account.connections.values()
                if not unread.hides(connection.key, connection.source)
                and (change := self._find_stale(guide, account, connection, now)) is not None
            ]
            cards = books.cards.load_followers(change.case_id for change in changes)
            changes = [one for one in changes if not _is_reported(one, cards.get(one.case_id, ()))]
            if changes:
                told += books.save_planned(self.planner.plan(books, changes, account.account, now), now)
            for one in changes:
                books.cards.note_stale(one.case_id, one.at or now)
        return last, told

    def _find_stale(
        self, guide: Guide, account: AccountState, connection: ConnectionState, now: datetime
    ) -> Change | None:
        case = connection.case
        if case is None or assess(connection, case, now).stage not in {Stage.ASKED, Stage.APPLIED}:
            return None
        own = [
            event.created_at or event.seen_at for event in connection.events if event.case_id == case.case_id
        ]
        last = max([case.signup_created_at or case.opened_at, *own])
        change = Change(
            change_id=name_of("stale", case.case_id, last.isoformat()),
            topic=Topic.STALE,
            key=case.key,
            case_id=case.case_id,
            status=connection.status,
            seen_at=now,
            reason=Reason.NO_NEWS,
            is_told=True,
            at=last,
        )
        names = {match.reminders for _, match in guide.decide(change, account.account).values()}
        schedules = [self.schedules.get(name) or self.schedules[DEFAULT_SCHEDULE] for name in names]
        times = [at for one in schedules if (at := stale_at(one, last)) is not None]
        return change if times and min(times) <= now else None


def _is_reported(change: Change, cards: Iterable[Card]) -> bool:
    """Whether somebody was told already that nothing was heard since then."""
    return any(
        card.stale_for is not None and change.at is not None and card.stale_for >= change.at for card in cards
    )
