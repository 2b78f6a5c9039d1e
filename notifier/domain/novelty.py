"""Words of Dintero's that this version does not know: each is noted once."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from notifier.domain.change import Change, Reason, Topic
from notifier.domain.first_run import FirstRun
from notifier.domain.identity import name_of
from notifier.domain.model import KNOWN_CONNECTIONS, KNOWN_EVENTS, KNOWN_STATUSES, ConnectionSnapshot
from notifier.domain.state import ConnectionState


def note_unknown_values(
    snapshot: ConnectionSnapshot,
    state: ConnectionState,
    known_values: AbstractSet[tuple[str, str]],
    policy: FirstRun | None,
    now: datetime,
) -> list[Change]:
    """Return a change for each unknown status, event name and connection name that was not noted before.

    `known_values` are the ("status" | "event" | "connection", value) noted so far. The same value gives the
    same change wherever it is met, so that it is told once.
    """
    is_told = policy is not FirstRun.NONE
    return [
        Change(
            change_id=name_of("unknown", kind, value),
            topic=Topic.UNKNOWN_VALUE,
            key=snapshot.key,
            case_id=state.case.case_id if state.case else "",
            status=snapshot.status,
            seen_at=now,
            reason=Reason.NEW_VALUE if is_told else Reason.FIRST_SEEN_NONE,
            is_told=is_told,
            detail=f"{kind} {value}",
        )
        for kind, value in _find_unknown(snapshot)
        if (kind, value) not in known_values
    ]


def _find_unknown(snapshot: ConnectionSnapshot) -> list[tuple[str, str]]:
    statuses = {snapshot.status, *(event.status for event in snapshot.events)} - KNOWN_STATUSES
    events = {event.name for event in snapshot.events} - KNOWN_EVENTS
    names = {snapshot.key.name.partition("/")[0]} - KNOWN_CONNECTIONS
    found = [("status", value) for value in sorted(filter(None, statuses))]
    found += [("event", value) for value in sorted(filter(None, events))]
    return found + [("connection", value) for value in sorted(names)]
