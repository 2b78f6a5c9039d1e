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
from notifier.domain.waiting import Turn, take_turn
from notifier.service.planner import Planner
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.reminders")

MOST_A_TURN: Final = 200
LONGEST_SECONDS: Final = 15.0
"""A change may bring a reminder forward, so a longer wait is not trusted."""
HELD_BACK: Final = timedelta(minutes=5)
"""How long what is due about an account that cannot be read is put off at a time."""


class ReminderKeeper:
    """Looks at every card whose time has come; `on_news` is called when something is to be sent."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        planner: Planner,
        schedules: Mapping[str, Schedule],
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._schedules = schedules
        self._on_news = on_news

    async def tend(self) -> float:
        """Say what is due; return the seconds until something is due again."""
        while True:
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
        blind = find_blind(books.load_problems())
        told = 0
        for card in cards:
            found = cases.get(card.case_id)
            if found is None:
                books.cards.save(replace(card, next_at=None))
                continue
            if is_blind(found[0], blind):
                books.cards.save(replace(card, next_at=now + HELD_BACK))
                continue
            told += self._take_turn(books, guide, card, found, now)
        return len(cards), told, books.cards.next_due_at()

    def _take_turn(
        self,
        books: Books,
        guide: Guide,
        card: Card,
        found: tuple[AccountState, ConnectionState, Case],
        now: datetime,
    ) -> int:
        account, connection, case = found
        match = guide.find_match(card.rule)
        schedule = self._schedules.get(match.reminders) or self._schedules[DEFAULT_SCHEDULE]
        trial = _make_trial(case, connection, now)
        reason = guide.quiet.find_reason(trial, account.account, match) if guide.quiet else ""
        turn = take_turn(card, connection, case, schedule, now, is_silenced=bool(reason))
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
            Card(change.case_id, one.destination, one.receiver, one.rule, now) for one in told.values()
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
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._schedules = schedules
        self._on_news = on_news

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
        blind = find_blind(books.load_problems())
        told = 0
        for account in books.load_accounts(ids).values():
            if is_blind(account, blind):
                continue
            changes = [
                change
                for connection in account.connections.values()
                if (change := self._find_stale(guide, account, connection, now)) is not None
            ]
            if changes:
                told += books.save_planned(self._planner.plan(books, changes, account.account, now), now)
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


def find_blind(problems: Iterable[str]) -> frozenset[str]:
    """Return the subjects of problems: what cannot be read, each as its target is called."""
    return frozenset(problems)


def is_blind(account: AccountState, blind: frozenset[str]) -> bool:
    """Whether an account cannot be read at present: then what is said of it may not be true any more."""
    if not blind:
        return False
    own = f"{account.source}: {account.account.account_id}"
    return any(one == own or one.startswith((f"{own}/", f"{account.source}: accounts of ")) for one in blind)


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
