"""Follows receivers that are called otherwise in the settings by now, that have moved, or that are gone.

A receiver is known by its name. Where none is called so any more, whichever has its messages end up in the
same place has taken over from it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, literal, null, or_, select, update

from notifier.domain.delivery import DeliveryState
from notifier.store import signs, statements, tables

_NOTED_EVERY: Final = timedelta(minutes=5)
"""How old the note may be that somebody knows a receiver: one is not written at every look."""
_NOTED_SINCE: Final = "0009"
"""An engine of an earlier revision knows receivers too, but notes nothing of them."""
_PLACE: Final = "to:"
"""Before a destination, where a receiver's name might stand."""
_sent, _cards, _cases, _known = tables.outbox, tables.cards, tables.cases, tables.receivers
_WAITING: Final = (DeliveryState.DUE, DeliveryState.MUTED)
_UNSETTLED: Final = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.MUTED)
_PROGRESS: Final = ("armed_at", "reminders", "escalations", "warned_at", "next_at")
_NO_MESSAGE: Final = {"channel": literal(""), "message_ref": literal(""), "posted_at": null()}
_other = _cards.alias("other")


def rehome(
    connection: Connection, destinations: Mapping[str, str], now: datetime, *, is_alone: bool = True
) -> int:
    """Bring cards and what is unsettled to where their receivers are; return how many have none any more.

    `destinations` maps the names of the receivers to where their messages end up. Where it is not alone,
    others may know those that are not among them, and what is on its way may be on its way from another, to
    where that one sends it.
    """
    for receiver, destination in destinations.items():
        for table in (_sent, _cards):
            _rename(connection, table, destinations, receiver, destination)
    for receiver, destination in destinations.items():
        # The cards first: which of them have to move is seen by what is still to be sent.
        _move_cards(connection, receiver, destination)
        _move_messages(connection, receiver, destination, now, _UNSETTLED if is_alone else _WAITING)
    return _give_up(connection, _sent.c.receiver.not_in(destinations), now) if is_alone else 0


def list_unknown(
    connection: Connection, receivers: Collection[str], since: datetime, now: datetime
) -> set[str]:
    """Return whom messages wait for that no worker has known since an instant.

    `receivers` are those that whoever asks knows: that is noted. While settings are being changed one worker
    knows a receiver and another does not: neither can say that it is gone. Nor can anybody while a release
    works that does not note whom it knows.
    """
    known_at = _note_known(connection, receivers, now)
    if signs.list_live_versions(connection, now, _NOTED_SINCE):
        return set()
    waited_for = select(_sent.c.receiver).where(_sent.c.state.in_(_UNSETTLED)).distinct()
    unknown = set(connection.execute(waited_for).scalars()).difference(receivers)
    return {one for one in unknown if one not in known_at or known_at[one] < since}


def list_strays(
    connection: Connection, destinations: Mapping[str, str], since: datetime, now: datetime
) -> set[str]:
    """Return where messages wait that no worker has led to since an instant, of receivers that are elsewhere.

    `destinations` are those of the receivers of whoever asks: that it knows them is noted. None, while a
    release works that does not note where it leads.
    """
    known_at = _note_known(connection, [f"{_PLACE}{one}" for one in destinations.values()], now)
    if signs.list_live_versions(connection, now, _NOTED_SINCE):
        return set()
    waiting = select(_sent.c.destination).where(
        _sent.c.state.in_(_WAITING),
        _sent.c.receiver.in_(destinations),
        _sent.c.destination.not_in(destinations.values()),
    )
    found = set(connection.execute(waiting.distinct()).scalars())
    return {one for one in found if known_at.get(f"{_PLACE}{one}", since) <= since}


def give_up(connection: Connection, receivers: Collection[str], now: datetime) -> int:
    """Give up what is for receivers that are gone; return how many messages that are."""
    return _give_up(connection, _sent.c.receiver.in_(receivers), now)


def _note_known(connection: Connection, names: Collection[str], now: datetime) -> dict[str, datetime]:
    """Note that somebody knows receivers, or places; return when all that were ever known were so last."""
    known_at: dict[str, datetime] = dict(connection.execute(select(_known.c.name, _known.c.known_at)).all())
    fresh = {one for one, at in known_at.items() if now - _NOTED_EVERY <= at <= now}
    rows = [{"name": one, "known_at": now} for one in dict.fromkeys(names) if one not in fresh]
    if rows:
        statements.upsert(_known, connection.dialect.name, keeps=False).run_many(connection, rows)
    return known_at


def _give_up(connection: Connection, which: ColumnElement[bool], now: datetime) -> int:
    gone = update(_sent).where(_sent.c.state.in_(_UNSETTLED), which)
    said = "its receiver is no longer in the settings: put it back and retry, or drop the message"
    dead = {"state": DeliveryState.DEAD, "settled_at": now, "error_code": "no_receiver", "error": said}
    return connection.execute(gone.values(covered_by="", **dead)).rowcount


def _rename(
    connection: Connection, table: Any, destinations: Mapping[str, str], receiver: str, destination: str
) -> None:
    """Give a receiver what is for its destination, and for a name that is no more."""
    is_nameless = table.c.receiver.not_in(destinations) & (table.c.receiver != "")
    which = update(table).where(table.c.destination == destination, is_nameless)
    if table is _sent:
        which = which.where(table.c.state.in_(_UNSETTLED))
    connection.execute(which.values(receiver=receiver))


def _move_cards(connection: Connection, receiver: str, destination: str) -> None:
    """Open a receiver's cards where it is now, as far as anything may come of them yet.

    A message that stands stays where it is, and its card is retired: it has no receiver, and no reminders. A
    card that was retired where the receiver is now is taken up again.
    """
    is_elsewhere = and_(_cards.c.receiver == receiver, _cards.c.destination != destination)
    is_to_be_sent = exists().where(
        _sent.c.case_id == _cards.c.case_id,
        _sent.c.destination == _cards.c.destination,
        _sent.c.receiver == receiver,
        _sent.c.state.in_(_UNSETTLED),
    )
    is_open = exists().where(_cases.c.case_id == _cards.c.case_id, _cases.c.end.is_(None))
    taken = {"destination": literal(destination), **_NO_MESSAGE}
    names = [column.name for column in _cards.columns]
    columns: list[Any] = [taken.get(name, _cards.c[name]) for name in names]
    moved = select(*columns).where(is_elsewhere, or_(_cards.c.message_ref == "", is_open, is_to_be_sent))
    insert = statements.insert(_cards, connection.dialect.name)
    again = {name: insert.excluded[name] for name in ("receiver", "rule", *_PROGRESS)}
    connection.execute(
        insert.from_select(names, moved).on_conflict_do_update(
            index_elements=["case_id", "destination"], set_=again, where=_cards.c.receiver == ""
        )
    )
    connection.execute(delete(_cards).where(is_elsewhere, _cards.c.message_ref == ""))
    is_there = exists().where(_other.c.case_id == _cards.c.case_id, _other.c.destination == destination)
    connection.execute(update(_cards).where(is_elsewhere, is_there).values(receiver="", next_at=None))


def _move_messages(
    connection: Connection,
    receiver: str,
    destination: str,
    now: datetime,
    states: Collection[DeliveryState],
) -> None:
    """Send what is unsettled to where its receiver is now, but for what somebody there is told anyway."""
    told = _sent.alias("told")
    is_told = exists().where(
        told.c.change_id == _sent.c.change_id,
        told.c.case_id == _sent.c.case_id,
        told.c.destination == destination,
        told.c.purpose == _sent.c.purpose,
    )
    moved = update(_sent).where(
        _sent.c.receiver == receiver, _sent.c.destination != destination, _sent.c.state.in_(states)
    )
    covered = {"state": DeliveryState.COVERED, "settled_at": now, "covered_by": ""}
    connection.execute(moved.where(is_told).values(**covered))
    connection.execute(moved.values(destination=destination))
