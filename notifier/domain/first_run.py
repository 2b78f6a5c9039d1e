"""What is said of a connection that is seen for the first time, so that the first run is no flood."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from notifier.domain.change import Change, Reason
from notifier.domain.model import DECLINED, FAILED, PENDING, TERMINAL_STATUSES
from notifier.domain.state import ConnectionState

RECENT: Final = timedelta(hours=24)


class FirstRun(StrEnum):
    """What the first sight of a connection reports."""

    OPEN = "open"
    """What somebody can still act on; the rest is recorded silently."""
    ALL = "all"
    NONE = "none"


def decide_first_sight(
    policy: FirstRun, state: ConnectionState, changes: list[Change], now: datetime
) -> list[Change]:
    """Return the changes with the decision of `policy`.

    "open" tells the newest request for a signature that still has a link and has not expired, of a connection
    that is pending; and the newest word of a failure or a refusal that is at most 24 hours old.
    """
    if policy is FirstRun.ALL:
        return [
            replace(change, reason=Reason.FIRST_SEEN_ALL) if change.is_told else change for change in changes
        ]
    if policy is FirstRun.NONE:
        return [replace(change, reason=Reason.FIRST_SEEN_NONE, is_told=False) for change in changes]
    kept = _find_open(state, changes, now)
    reason = Reason.FIRST_SEEN_OPEN if state.status == PENDING else Reason.FIRST_SEEN_RECENT
    return [
        replace(change, reason=reason, is_told=True)
        if change is kept
        else replace(change, reason=Reason.FIRST_SEEN_SETTLED, is_told=False)
        for change in changes
    ]


def _find_open(state: ConnectionState, changes: list[Change], now: datetime) -> Change | None:
    told = [
        change for change in changes if change.is_told and state.case and change.case_id == state.case.case_id
    ]
    if state.status == PENDING:
        expires_at = state.case.expires_at if state.case else None
        is_open = expires_at is None or expires_at > now
        return _find_request(state, told) if is_open else None
    if state.status in {FAILED, DECLINED}:
        about = [
            one for one in told if one.status == state.status and (one.at is None or one.at >= now - RECENT)
        ]
        return about[-1] if about else None
    return None


def _find_request(state: ConnectionState, told: list[Change]) -> Change | None:
    """Return the newest request for a signature; one from before an end of the application is of no use."""
    linked = {event.event_key for event in state.events if event.has_link}
    for change in reversed(told):
        if change.status in TERMINAL_STATUSES:
            return None
        if change.event_key in linked:
            return change
    return None
