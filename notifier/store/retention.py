"""What is old enough to be forgotten, and what never is: the identity of all that Dintero may show again.

Forgotten are messages that were delivered or dropped with the attempts to deliver them, changes and notices
that no message is left of, and what somebody typed about events of cases that are over. Cards stay: they say
who follows a case, and where. An event itself stays for ever, by its id, its digests and its
times, and so do cases, connections and the words that were noted as unknown: Dintero may show any of them
again at any time, and what is not known is news.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, exists, func, or_, select, update

from notifier.domain.delivery import DeliveryState
from notifier.domain.model import TERMINAL_STATUSES
from notifier.domain.notices import NoticeKind
from notifier.store import tables

_sent, _changes, _events = tables.outbox, tables.changes, tables.events
_BEFORE: Final = bindparam("before", type_=tables.Instant)
_MOST: Final[BindParameter[int]] = bindparam("most")

# What was given up or is held waits for somebody's decision, however long that takes.
_SETTLED: Final = (DeliveryState.DELIVERED, DeliveryState.DROPPED, DeliveryState.COVERED)
_old_messages = (
    select(_sent.c.seq)
    .where(_sent.c.settled_at < _BEFORE, _sent.c.state.in_(_SETTLED))
    .order_by(_sent.c.settled_at)
    .limit(_MOST)
)
_FORGET_MESSAGES: Final = delete(_sent).where(_sent.c.seq.in_(_old_messages))

_old_changes = (
    select(_changes.c.change_id)
    .where(_changes.c.seen_at < _BEFORE, ~exists().where(_sent.c.change_id == _changes.c.change_id))
    .order_by(_changes.c.seen_at)
    .limit(_MOST)
)
_FORGET_CHANGES: Final = delete(_changes).where(_changes.c.change_id.in_(_old_changes))

_tried, _notices = tables.attempts, tables.notices
_old_attempts = (
    select(_tried.c.attempt_id)
    .where(_tried.c.at < _BEFORE, ~exists().where(_sent.c.notification_id == _tried.c.notification_id))
    .order_by(_tried.c.at)
    .limit(_MOST)
)
_FORGET_ATTEMPTS: Final = delete(_tried).where(_tried.c.attempt_id.in_(_old_attempts))

_is_in_use = exists().where(
    tables.incidents.c.incident_id == _notices.c.subject,
    or_(tables.incidents.c.ended_at.is_(None), tables.incidents.c.ended_at >= _BEFORE),
)
_old_notices = (
    select(_notices.c.notice_id)
    .where(
        _notices.c.at < _BEFORE,
        ~exists().where(_sent.c.change_id == _notices.c.notice_id),
        # What has not ended is still to be said to end, and a week is summed up once.
        ~_is_in_use,
        _notices.c.kind != NoticeKind.SUMMARY,
    )
    .order_by(_notices.c.at)
    .limit(_MOST)
)
_FORGET_NOTICES: Final = delete(_notices).where(_notices.c.notice_id.in_(_old_notices))

_page = (
    select(_events.c.event_key)
    .where(_events.c.event_key > bindparam("after"))
    .order_by(_events.c.event_key)
    .limit(_MOST)
)
_LAST_OF_PAGE: Final = select(func.max(_page.subquery().c.event_key))
_open_cases = select(_sent.c.case_id).where(_sent.c.state.in_((DeliveryState.DUE, DeliveryState.SENDING)))
_is_over = exists().where(
    tables.cases.c.case_id == _events.c.case_id,
    tables.connections.c.account_id == _events.c.account_id,
    tables.connections.c.name == _events.c.connection,
    or_(tables.cases.c.end.is_not(None), tables.connections.c.status.in_(TERMINAL_STATUSES)),
)
_FORGET_WORDS: Final = (
    update(_events)
    .where(
        and_(_events.c.event_key > bindparam("after"), _events.c.event_key <= bindparam("last")),
        _events.c.seen_at < _BEFORE,
        _events.c.description != "",
        _is_over,
        _events.c.case_id.not_in(_open_cases),
    )
    .values(description="")
)


_signs = tables.engines
_FORGET_SIGNS: Final = delete(_signs).where(_signs.c.beat_at < _BEFORE, _signs.c.worker_id != "engine")

_FORGET: Final = (_FORGET_MESSAGES, _FORGET_CHANGES, _FORGET_ATTEMPTS, _FORGET_NOTICES, _FORGET_SIGNS)
"""Messages first: what stands only for them goes with them."""


def prune(connection: Connection, before: datetime, most: int) -> int:
    """Forget at most so many rows of each kind from before an instant; return how many went."""
    bounds = {"before": before, "most": most}
    return sum(connection.execute(forget, bounds).rowcount for forget in _FORGET)


def forget_words(connection: Connection, after: str, before: datetime, most: int) -> str | None:
    """Forget the descriptions among the next events behind `after`; return the last one, None at the end."""
    last: str | None = connection.execute(_LAST_OF_PAGE, {"after": after, "most": most}).scalar()
    if last is not None:
        connection.execute(_FORGET_WORDS, {"after": after, "last": last, "before": before})
    return last
