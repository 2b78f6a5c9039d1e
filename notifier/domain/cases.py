"""Which signup a connection is in, and to which one an event belongs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.identity import name_case
from notifier.domain.model import TERMINAL_STATUSES, ConnectionSnapshot, Signup
from notifier.domain.state import Case, CaseEnd, ConnectionState

# Instants come in whole seconds or in milliseconds: an event in the second of its signup is its own.
_ROUNDING: Final = timedelta(seconds=1)


def follow_case(state: ConnectionState, snapshot: ConnectionSnapshot, now: datetime) -> ConnectionState:
    """Return the state with the case that the snapshot shows: the same one, better known, or a new one.

    A missing signup id never ends a case. Where a connection has no signup ids, leaving a terminal status
    for one that is not terminal, or coming back after it was gone, opens a new case. Events from before
    everything known get a case of their own.
    """
    current, signup = state.case, snapshot.signup
    if current is None:
        state = replace(state, case=_open_case(state, signup, now))
    elif _is_new_case(state, current, signup, snapshot.status):
        ended = replace(current, end=current.end or CaseEnd.SUPERSEDED)
        state = replace(
            state,
            case=_open_case(state, signup, now),
            earlier_cases=(*state.earlier_cases, ended),
            ahead=None,
        )
    elif signup is not None and current.signup_id in {None, signup.signup_id}:
        state = _learn(state, current, signup)
    return _remember_before(state, snapshot, now)


def find_case(state: ConnectionState, created_at: datetime | None) -> Case | None:
    """Return the case an event belongs to: the present one, an old one if the event is older, or None."""
    current = state.case
    if current is None or not _is_before(created_at, current.signup_created_at):
        return current
    older = [case for case in state.earlier_cases if not _is_before(created_at, case.signup_created_at)]
    return max(older, key=lambda case: case.ordinal, default=None)


def _is_new_case(state: ConnectionState, current: Case, signup: Signup | None, status: str | None) -> bool:
    if current.signup_id is None:
        leaves_terminal = state.status in TERMINAL_STATUSES and status not in TERMINAL_STATUSES
        return leaves_terminal or state.gone_at is not None
    if signup is None or signup.signup_id is None or signup.signup_id == current.signup_id:
        return False
    if any(case.signup_id == signup.signup_id for case in state.earlier_cases):
        return False
    if signup.created_at is None or current.signup_created_at is None:
        return True
    return signup.created_at >= current.signup_created_at


def _open_case(state: ConnectionState, signup: Signup | None, now: datetime) -> Case:
    ordinal = state.case.ordinal + 1 if state.case is not None else 1
    signup = signup or Signup(None)
    return Case(
        case_id=name_case(state.key, signup.signup_id, ordinal),
        key=state.key,
        ordinal=ordinal,
        opened_at=now,
        signup_id=signup.signup_id,
        signup_created_at=signup.created_at,
        expires_at=signup.expires_at,
    )


def _learn(state: ConnectionState, current: Case, signup: Signup) -> ConnectionState:
    learned = replace(
        current,
        signup_id=current.signup_id or signup.signup_id,
        signup_created_at=signup.created_at or current.signup_created_at,
        expires_at=signup.expires_at or current.expires_at,
    )
    return state if learned == current else replace(state, case=learned)


def _remember_before(state: ConnectionState, snapshot: ConnectionSnapshot, now: datetime) -> ConnectionState:
    if all(find_case(state, event.created_at) is not None for event in snapshot.events):
        return state
    before = Case(
        case_id=name_case(state.key, None, 0), key=state.key, ordinal=0, opened_at=now, end=CaseEnd.SUPERSEDED
    )
    return replace(state, earlier_cases=(before, *state.earlier_cases))


def _is_before(instant: datetime | None, start: datetime | None) -> bool:
    return instant is not None and start is not None and start - instant > _ROUNDING
