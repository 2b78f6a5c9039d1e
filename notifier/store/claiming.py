"""Marks messages as being sent, for many destinations at once, and those that have arrived as delivered."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    ScalarSelect,
    Text,
    and_,
    bindparam,
    case,
    exists,
    select,
    update,
)

from notifier.domain.delivery import Arrival, AttemptOutcome, Claim, DeliveryState
from notifier.store import rows, statements, tables
from notifier.store.prepared import Prepared, Row, among

_SIZES: Final = (1, 2, 4, 8, 16, 32)
"""For so many destinations there is a statement; what is over the last number is done in parts."""

_sent, _held = tables.outbox, tables.holds
_before = _sent.alias("before")
_candidate = _sent.alias("candidate")
_AT: Final[BindParameter[datetime]] = bindparam("at", type_=tables.Instant)

_STANDING: Final = Prepared(
    select(_sent.c.notification_id, _sent.c.attempts, _sent.c.created_at).where(
        among(_sent.c.notification_id, "ids"), _sent.c.state == statements.SENDING
    )
)
_DELIVERED: Final = Prepared(
    update(_sent)
    .where(_sent.c.notification_id == bindparam("which"))
    .values(
        state=DeliveryState.DELIVERED,
        settled_at=bindparam("now", type_=tables.Instant),
        channel=bindparam("place"),
        message_ref=bindparam("ref"),
        is_adopted=bindparam("adopted"),
        form=bindparam("shape"),
        error_code="",
        error="",
    )
)
_ON_HOLD: Final = Prepared(select(_held.c.receiver))


def claim(connection: Connection, wants: Mapping[str, datetime], now: datetime) -> dict[str, Claim]:
    """Take the next message for each of some destinations and mark it as being sent; see `Outbox.claim`.

    `wants` maps each destination to the time by its receiver's clock. Those for which nothing may be sent
    now are absent.
    """
    found: dict[str, Claim] = {}
    for some in _split(list(wants.items())):
        size = next(size for size in _SIZES if size >= len(some))
        # What is over is asked for in vain: there is no destination without a name.
        padded = [*some, *[("", now)] * (size - len(some))]
        values: dict[str, Any] = {"at": now}
        for number, (destination, since) in enumerate(padded):
            values[f"where_{number}"], values[f"since_{number}"] = destination, since
        for row in _make_claim(size).read(connection, values):
            found[row["destination"]] = _read_claim(row)
    return found


def record_arrivals(connection: Connection, arrivals: Sequence[Arrival]) -> set[str]:
    """Record that receivers have messages, and release those receivers that were on hold.

    Return the ids of those notifications whose claims still held; of the others nothing is recorded.
    """
    ids = [one.claim.notification.notification_id for one in arrivals]
    found = _STANDING.read(connection, {"ids": ids})
    standing = {row["notification_id"]: (row["attempts"], row["created_at"]) for row in found}
    held = [
        one
        for one in arrivals
        if standing.get(one.claim.notification.notification_id) == (one.claim.attempt, one.claim.created_at)
    ]
    if not held:
        return set()
    _DELIVERED.run_many(connection, [_write_arrival(one) for one in held])
    statements.NOTE_ATTEMPT.run_many(connection, [_write_attempt(one) for one in held])
    on_hold = {row["receiver"] for row in _ON_HOLD.read(connection, {})}
    for receiver in on_hold & {one.claim.notification.receiver for one in held}:
        connection.execute(statements.RELEASE, {"which": receiver})
    return {one.claim.notification.notification_id for one in held}


def _write_arrival(arrival: Arrival) -> dict[str, Any]:
    return {
        "which": arrival.claim.notification.notification_id,
        "now": arrival.at,
        "place": arrival.receipt.channel,
        "ref": arrival.receipt.message_ref,
        "adopted": arrival.is_adopted,
        "shape": arrival.claim.place.form,
    }


def _write_attempt(arrival: Arrival) -> dict[str, Any]:
    return {
        "notification_id": arrival.claim.notification.notification_id,
        "at": arrival.at,
        "outcome": AttemptOutcome.FOUND if arrival.is_adopted else AttemptOutcome.DELIVERED,
        "error_code": "",
        "error": "",
    }


def _read_claim(row: Row) -> Claim:
    return Claim(
        rows.read_notification(row),
        attempt=row["attempts"],
        created_at=row["created_at"],
        is_repeat=row["is_repeat"],
        is_plain=row["is_plain"],
        doubt_since=row["doubt_since"],
        doubt_ends_at=row["doubt_ends_at"],
    )


def _split(wants: list[tuple[str, datetime]]) -> Iterator[list[tuple[str, datetime]]]:
    for start in range(0, len(wants), _SIZES[-1]):
        yield wants[start : start + _SIZES[-1]]


def _find_next(destination: BindParameter[str]) -> ScalarSelect[int]:
    """Return the next row that may be sent to a destination: the first of its case, of no held receiver."""
    has_before = exists().where(
        _before.c.destination == destination,
        statements.is_open(_before),
        _before.c.case_id == _candidate.c.case_id,
        _before.c.seq < _candidate.c.seq,
    )
    is_held = exists().where(_held.c.receiver == _candidate.c.receiver, _held.c.next_attempt_at > _AT)
    return (
        select(_candidate.c.seq)
        .where(
            _candidate.c.destination == destination,
            statements.is_open(_candidate),
            _candidate.c.state == statements.DUE,
            _candidate.c.next_attempt_at <= _AT,
            ~is_held,
            ~has_before,
        )
        .order_by(_candidate.c.seq)
        .limit(1)
        .scalar_subquery()
    )


@cache
def _make_claim(size: int) -> Prepared:
    """Return what marks the next row for each destination `where_<n>`, and gives it as it is then.

    `since_<n>` is the time by the receiver's clock; the first attempt whose outcome is unknown keeps its own.
    """
    places: list[BindParameter[str]] = [bindparam(f"where_{number}", type_=Text) for number in range(size)]
    times: list[BindParameter[datetime]] = [
        bindparam(f"since_{number}", type_=tables.Instant) for number in range(size)
    ]
    is_in_doubt = and_(_sent.c.is_repeat, _sent.c.doubt_since.is_not(None))
    since = [(_sent.c.destination == where, since) for where, since in zip(places, times, strict=True)]
    return Prepared(
        update(_sent)
        .where(_sent.c.seq.in_([_find_next(where) for where in places]))
        .values(
            state="sending",
            attempts=_sent.c.attempts + 1,
            doubt_since=case((is_in_doubt, _sent.c.doubt_since), *since),
        )
        .returning(
            _sent.c.notification_id,
            _sent.c.change_id,
            _sent.c.case_id,
            _sent.c.receiver,
            _sent.c.destination,
            _sent.c.topic,
            _sent.c.attempts,
            _sent.c.created_at,
            _sent.c.is_repeat,
            _sent.c.is_plain,
            _sent.c.doubt_since,
            _sent.c.doubt_ends_at,
            _sent.c.purpose,
            _sent.c.rule,
        )
    )
