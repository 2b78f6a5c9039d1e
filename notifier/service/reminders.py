"""Reminds of what is still unsigned, and says when it expires: what only time brings about."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.plan import Guide, Outcome, Planned, notify
from notifier.domain.reminders import Schedule, stale_at
from notifier.domain.routes import DEFAULT_SCHEDULE
from notifier.domain.stage import Stage, assess
from notifier.domain.state import AccountState, Case, ConnectionState
from notifier.domain.unread import find_unread
from notifier.domain.waiting import PUT_OFF, Turn, take_turn
from notifier.domain.watch import Target
from notifier.service.planner import Planner
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.reminders")

MOST_A_TURN: Final = 200
LONGEST_SECONDS: Final = 15.0
"""A change may bring a reminder forward, so a longer wait is not trusted."""
MOST_TURNS: Final = 20
"""So often in a row it is looked for what is due; others wait for the store too."""


class ReminderKeeper:
    """Looks at every card whose time has come; `on_news` is called when something is to be sent.

    `list_targets` gives what is read: nobody is reminded of what cannot be read at present.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        planner: Planner,
        schedules: Mapping[str, Schedule],
        on_news: Callable[[], None],
        list_targets: Callable[[], Iterable[Target]] = tuple,
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._schedules = schedules
        self._on_news = on_news
        self._list_targets = list_targets

    async def tend(self) -> float:
        """Say what is due; return the seconds until something is due again."""
        due_at: datetime | None = None
        for _ in range(MOST_TURNS):
            count, told, due_at = await self._store.run(self._take_turns)
            if told:
                self._on_news()
                _log.info("reminded", count=told)
            if count < MOST_A_TURN:
                break
        if due_at is None:
            return LONGEST_SECONDS
        seconds = (due_at - self._clock.now()).total_seconds()
        return min(LONGEST_SECONDS, max(0.05, seconds))

    def _take_turns(self, books: Books) -> tuple[int, int, datetime | None]:
        now = self._clock.now()
        cards = books.cards.list_due(now, MOST_A_TURN)
        if not cards:
            return 0, 0, books.cards.next_due_at()
        guide = self._planner.guide(books, now)
        cases = books.load_cases(card.case_id for card in cards)
        unread = find_unread(books.troubles.list_problems(), self._list_targets())
        untold = books.cards.find_untold(card.case_id for card in cards)
        told = 0
        for card in cards:
            found = cases.get(card.case_id)
            if found is None or card.is_escalated:
                books.cards.save(replace(card, next_at=None))
                continue
            if unread.hides(found[2].key, found[1].source):
                books.cards.save(replace(card, next_at=now + PUT_OFF))
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
        schedule = self._schedules.get(match.reminders) or self._schedules[DEFAULT_SCHEDULE]
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
            return self._planner.plan(books, [change], account.account, now)
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


class StaleKeeper:
    """Reports, once, pending connections to which nothing has happened for long."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        planner: Planner,
        schedules: Mapping[str, Schedule],
        on_news: Callable[[], None],
        list_targets: Callable[[], Iterable[Target]] = tuple,
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._schedules = schedules
        self._on_news = on_news
        self._list_targets = list_targets

    async def tend(self) -> float:
        """Look at all that is pending, some accounts at a time; return the seconds until the next look."""
        spans = [one.stale_after for one in self._schedules.values() if one.stale_after is not None]
        if not spans:
            return 24 * 3600.0
        after: str | None = ""
        while after is not None:
            after = await self._store.run(partial(self._look, after=after, span=min(spans)))
        return min(900.0, max(1.0, min(spans).total_seconds() / 10))

    def _look(self, books: Books, *, after: str, span: timedelta) -> str | None:
        now = self._clock.now()
        ids, last = books.list_silent(after, now - span, MOST_A_TURN)
        if not ids:
            return last
        guide = self._planner.guide(books, now)
        unread = find_unread(books.troubles.list_problems(), self._list_targets())
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
                told += books.save_planned(self._planner.plan(books, changes, account.account, now), now)
            for one in changes:
                books.cards.note_stale(one.case_id, one.at or now)
        if told:
            self._on_news()
        return last

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
        schedules = [self._schedules.get(name) or self._schedules[DEFAULT_SCHEDULE] for name in names]
        times = [at for one in schedules if (at := stale_at(one, last)) is not None]
        return change if times and min(times) <= now else None


def _is_reported(change: Change, cards: Iterable[Card]) -> bool:
    """Whether somebody was told already that nothing was heard since then."""
    return any(
        card.stale_for is not None and change.at is not None and card.stale_for >= change.at for card in cards
    )


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
