"""What is new at Dintero: a stored state and a snapshot in, the next state and the changes out.

Everything here is pure. The same state and the same snapshot give the same changes with the same ids, so a
poll that was cut short can be repeated.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.domain.cases import follow_case
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.events import EventMatch, is_beginning, match_events, owe_event
from notifier.domain.first_run import FirstRun, decide_first_sight
from notifier.domain.identity import name_of
from notifier.domain.model import (
    PENDING,
    TERMINAL_STATUSES,
    Account,
    AccountSnapshot,
    ConnectionKey,
    ConnectionSnapshot,
)
from notifier.domain.novelty import note_unknown_values
from notifier.domain.state import AccountState, Case, CaseEnd, ConnectionState
from notifier.domain.watch import is_asked_for


@dataclass(frozen=True, slots=True)
class Detection:
    """What one snapshot of an account meant.

    `account` is the account as it is now known, with every connection; `touched` are the connections whose
    state is another one. `suspects` were there and are not any more: to be confirmed by a direct read before
    `withdraw` is called for them. `is_news` is False when nothing at all has to be written.
    """

    account: AccountState
    touched: tuple[ConnectionState, ...] = ()
    changes: tuple[Change, ...] = ()
    suspects: tuple[ConnectionKey, ...] = ()
    is_account_new: bool = False

    @property
    def is_news(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.touched or self.changes or self.is_account_new)


@dataclass(frozen=True, slots=True)
class Watch:
    """What detection has to know about how an account is watched.

    `names` are the connections watched, all when empty. `is_arrival` marks an account that appeared under a
    partner whose accounts were all known. `known_values` are the ("status" | "event" | "connection", value)
    that were noted before.
    """

    source: str
    first_run: FirstRun = FirstRun.OPEN
    is_arrival: bool = False
    names: frozenset[str] = frozenset()
    known_values: AbstractSet[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Was:
    """The status that the case had before the snapshot, and the one an event had told ahead of it."""

    status: str | None
    ahead: str | None


def detect_account(
    state: AccountState | None, snapshot: AccountSnapshot, watch: Watch, now: datetime
) -> Detection:
    """Compare one account's snapshot with what is stored of it."""
    before = state or AccountState(
        snapshot.account, watch.source, first_seen_at=now, is_arrival=watch.is_arrival
    )
    is_known = before.first_read_at is not None or before.is_arrival
    policy = None if is_known else watch.first_run
    account = replace(
        before,
        account=_know_account(before.account, snapshot),
        source=watch.source,
        first_read_at=before.first_read_at or (now if snapshot.is_whole else None),
        unwatched_at=None,
    )
    connections = dict(before.connections)
    touched: list[ConnectionState] = []
    changes: list[Change] = []
    for one in snapshot.connections:
        known = connections.get(one.key.name)
        after, found = detect_connection(known, one, watch.source, policy, now)
        if after != known:
            connections[one.key.name] = after
            touched.append(after)
        changes += found
        if found or known is None:
            noted = {change.change_id for change in changes}
            notes = note_unknown_values(one, after, watch.known_values, policy, now)
            changes += [note for note in notes if note.change_id not in noted]
    # An account whose id could not be read is nobody's: there is nothing to remember of it.
    is_other = state is None or replace(account, connections=state.connections) != state
    return Detection(
        account=replace(account, connections=connections),
        touched=tuple(touched),
        changes=tuple(changes),
        suspects=_find_missing(before, snapshot, watch.names) if snapshot.is_complete else (),
        is_account_new=is_other and bool(account.account.account_id),
    )


def detect_connection(
    state: ConnectionState | None,
    snapshot: ConnectionSnapshot,
    source: str,
    policy: FirstRun | None,
    now: datetime,
) -> tuple[ConnectionState, tuple[Change, ...]]:
    """Compare one connection's snapshot with what is stored of it.

    `policy` decides about a connection that has no state yet; None means that everything about it is news.
    A snapshot that is older than the stored state changes nothing.
    """
    if state is not None and _is_stale(state, snapshot):
        return state, ()
    before = state or ConnectionState(snapshot.key, source, first_seen_at=now)
    status = snapshot.status if snapshot.status is not None else before.status or ""
    opened = follow_case(before, replace(snapshot, status=status), now)
    is_new_case = before.case is None or before.case.case_id != _case_of(opened).case_id
    was = _Was(None, None) if is_new_case else _Was(before.status, before.ahead)
    changes: list[Change] = []
    if before.gone_at is not None or before.unwatched_at is not None:
        is_end_told = before.gone_at is not None or before.status not in TERMINAL_STATUSES
        opened, back = _return(opened, status, now, is_told=is_end_told and not is_new_case)
        changes += back
    # A status that the answer does not give, of a connection that never had one, is no status.
    new_status = status if status and status != was.status else None
    match = match_events(opened, snapshot, None if new_status == was.ahead else new_status, now)
    changes += match.changes
    updated_at = snapshot.updated_at or before.updated_at
    after = replace(match.state, source=source, status=status, updated_at=updated_at, ahead=match.ahead)
    if new_status is not None:
        after, change = _change_status(after, match, was, snapshot.updated_at, now)
        changes.append(change)
    if state is None and policy is not None:
        changes = decide_first_sight(policy, after, changes, now)
        # What is ahead was recorded silently: the status itself will have to be told.
        after = after if policy is FirstRun.ALL else replace(after, ahead=None)
    return after, tuple(changes)


def note_absence(key: ConnectionKey, source: str, now: datetime) -> ConnectionState:
    """Return the state of a connection that was looked for and never existed: when it appears, it is news."""
    return ConnectionState(key, source, first_seen_at=now)


def withdraw(state: ConnectionState, now: datetime) -> tuple[ConnectionState, tuple[Change, ...]]:
    """End a connection that a complete read did not show and a direct read did not find."""
    if state.case is None or state.gone_at is not None:
        return state, ()
    return _end(
        replace(state, gone_at=now), CaseEnd.WITHDRAWN, Topic.WITHDRAWN, Reason.GONE, now, is_told=True
    )


def unwatch(state: ConnectionState, now: datetime) -> tuple[ConnectionState, tuple[Change, ...]]:
    """End a connection that nobody watches any more: told when its case was still open, else recorded."""
    if state.case is None or state.unwatched_at is not None or state.gone_at is not None:
        return replace(state, unwatched_at=state.unwatched_at or now), ()
    is_open = state.status not in TERMINAL_STATUSES
    return _end(
        replace(state, unwatched_at=now),
        CaseEnd.UNWATCHED,
        Topic.UNWATCHED,
        Reason.NO_LONGER_WATCHED,
        now,
        is_told=is_open,
    )


def _is_stale(state: ConnectionState, snapshot: ConnectionSnapshot) -> bool:
    return (
        snapshot.updated_at is not None
        and state.updated_at is not None
        and snapshot.updated_at < state.updated_at
    )


def _know_account(known: Account, snapshot: AccountSnapshot) -> Account:
    """Return what is known of an account; the answer for a single connection says nothing about it."""
    stated = snapshot.account
    return Account(
        stated.account_id,
        merchant=stated.merchant or known.merchant,
        is_live=stated.is_live if snapshot.is_whole else known.is_live,
    )


def _find_missing(
    before: AccountState, snapshot: AccountSnapshot, names: frozenset[str]
) -> tuple[ConnectionKey, ...]:
    present = {one.key.name for one in snapshot.connections} | snapshot.unreadable
    return tuple(
        state.key
        for name, state in before.connections.items()
        if state.case is not None
        and state.gone_at is None
        and name not in present
        and is_asked_for(name, names)
    )


def _change_status(
    after: ConnectionState, match: EventMatch, was: _Was, at: datetime | None, now: datetime
) -> tuple[ConnectionState, Change]:
    case = _case_of(after)
    status = after.status or ""
    is_told_by_event = match.tells_status or (was.status is not None and was.ahead == status)
    is_application = status == PENDING and is_beginning(case, after.events, after.bare)
    if is_told_by_event:
        reason = Reason.TOLD_BY_EVENT
    else:
        reason = Reason.NEW_APPLICATION if is_application else Reason.STATUS_WITHOUT_EVENT
        after = replace(after, bare=(*after.bare, owe_event(case, status)))
    after = replace(after, transitions=after.transitions + 1)
    return after, Change(
        change_id=name_of("status", case.case_id, status, str(after.transitions)),
        topic=Topic.APPLIED if is_application else Topic.STATUS_CHANGED,
        key=after.key,
        case_id=case.case_id,
        status=status,
        seen_at=now,
        reason=reason,
        is_told=not is_told_by_event,
        at=at,
        detail=was.status or "",
    )


def _case_of(state: ConnectionState) -> Case:
    if state.case is None:
        raise AssertionError("a connection that is there has a case")
    return state.case


def _return(
    state: ConnectionState, status: str, now: datetime, *, is_told: bool
) -> tuple[ConnectionState, tuple[Change, ...]]:
    case = _case_of(state)
    after = replace(
        state,
        case=replace(case, end=None),
        gone_at=None,
        unwatched_at=None,
        transitions=state.transitions + 1,
    )
    if not is_told:
        return after, ()
    change = Change(
        change_id=name_of("returned", case.case_id, str(after.transitions)),
        topic=Topic.RETURNED,
        key=state.key,
        case_id=case.case_id,
        status=status,
        seen_at=now,
        reason=Reason.CAME_BACK,
        is_told=True,
    )
    return after, (change,)


def _end(
    state: ConnectionState, end: CaseEnd, topic: Topic, reason: Reason, now: datetime, *, is_told: bool
) -> tuple[ConnectionState, tuple[Change, ...]]:
    case = _case_of(state)
    after = replace(state, case=replace(case, end=end), transitions=state.transitions + 1)
    change = Change(
        change_id=name_of(topic, case.case_id, str(after.transitions)),
        topic=topic,
        key=state.key,
        case_id=case.case_id,
        status=state.status,
        seen_at=now,
        reason=reason,
        is_told=is_told,
    )
    return after, (change,)
