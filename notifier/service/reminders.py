"""Reminds of what is still unsigned, and says when it expires: what only time brings about."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.plan import Guide, Outcome, Planned, notify
from notifier.domain.routes import DEFAULT_SCHEDULE
from notifier.domain.state import AccountState, Case, ConnectionState
from notifier.domain.unread import find_unread
from notifier.domain.waiting import PUT_OFF, Turn, take_turn
from notifier.service.ports import Books
from notifier.service.timekeeper import Timekeeper

_log = structlog.get_logger("notifier.reminders")

MOST_A_TURN: Final = 200
LONGEST_SECONDS: Final = 15.0
"""A change may bring a reminder forward, so a longer wait is not trusted."""
MOST_TURNS: Final = 20
"""So often in a row it is looked for what is due; others wait for the store too."""


class ReminderKeeper(Timekeeper):
    """Looks at every card whose time has come."""

    async def tend(self) -> float:
        """Say what is due; return the seconds until something is due again."""
        due_at: datetime | None = None
        for _ in range(MOST_TURNS):
            count, told, due_at = await self.store.run(self._take_turns)
            if told:
                self.on_news()
                _log.info("reminded", count=told)
            if count < MOST_A_TURN:
                break
        if due_at is None:
            return LONGEST_SECONDS
        seconds = (due_at - self.clock.now()).total_seconds()
        return min(LONGEST_SECONDS, max(0.05, seconds))

    def _take_turns(self, books: Books) -> tuple[int, int, datetime | None]:
        now = self.clock.now()
        cards = books.cards.list_due(now, MOST_A_TURN)
        if not cards:
            return 0, 0, books.cards.next_due_at()
        guide = self.planner.guide(books, now)
        cases = books.load_cases(card.case_id for card in cards)
        unread = find_unread(books.troubles.list_problems(), self.list_targets())
        untold = books.cards.find_untold(card.case_id for card in cards)
        told = 0
        for card in cards:
            found = cases.get(card.case_id)
            if found is None or card.is_escalated:
                books.cards.save(card._replace(next_at=None))
                continue
            if unread.hides(found[2].key, found[1].source):
                books.cards.save(card._replace(next_at=now + PUT_OFF))
                continue
            own = guide.directory.destinations.get(card.receiver, card.destination)
            is_untold = not untold.isdisjoint({(card.case_id, card.destination), (card.case_id, own)})
            told += self._take_turn(books, guide, card, found, now, is_untold=is_untold)
        return len(cards), told, books.cards.next_due_at()

    def _take_turn(
        self,
        books: Books,
        guide: Guide,
        card: Card,
        found: tuple[AccountState, ConnectionState, Case],
        now: datetime,
        *,
        is_untold: bool,
    ) -> int:
        account, connection, case = found
        match = guide.find_match(card.rule)
        schedule = self.schedules.get(match.reminders) or self.schedules[DEFAULT_SCHEDULE]
        trial = _make_trial(case, connection, now)
        reason = guide.quiet.find_reason(trial, account.account, match) if guide.quiet else ""
        turn = take_turn(card, connection, case, schedule, now, is_silenced=bool(reason), is_untold=is_untold)
        planned = self._plan(books, guide, turn, account, reason, now) if turn.change else []
        count = books.save_planned(planned, now) if planned else 0
        books.cards.save(turn.card)
        return count

    def _plan(
        self, books: Books, guide: Guide, turn: Turn, account: AccountState, reason: str, now: datetime
    ) -> list[Planned]:
        change, card = turn.change, turn.card
        if change is None:
            return []
        if change.topic == Topic.EXPIRED:
            return self.planner.plan(books, [change], account.account, now)
        own = guide.directory.destinations.get(card.receiver)
        told: dict[str, Notification] = {}
        if own is not None:
            told[own] = replace(notify(change, card.receiver, own, Purpose.TELL, card.rule), muted_by=reason)
        for name in turn.receivers:
            receiver = guide.directory.aliases.get(name, name)
            where = guide.directory.destinations.get(receiver)
            if where is not None:
                told.setdefault(where, notify(change, receiver, where, Purpose.TELL, card.rule))
        updates = tuple(
            notify(change, card.receiver, where, Purpose.UPDATE)
            for where in told
            if where == card.destination and guide.directory.find_traits(where).has_threads
        )
        opened = tuple(
            Card(change.case_id, where, one.receiver, one.rule, now, is_escalated=where != own)
            for where, one in told.items()
        )
        return [Planned(change, Outcome.PLANNED, (*updates, *told.values()), opened)]


def _make_trial(case: Case, connection: ConnectionState, now: datetime) -> Change:
    """Return a reminder to ask the silences about, before it is known whether one is due."""
    return Change(
        change_id="",
        topic=Topic.REMINDER,
        key=case.key,
        case_id=case.case_id,
        status=connection.status,
        seen_at=now,
        reason=Reason.STILL_UNSIGNED,
        is_told=True,
    )
