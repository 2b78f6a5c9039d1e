"""Reads the story of one event, case, change or message: read only, beside a running engine.

Nothing here reads a signature link, only whether there was one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, func, select

from notifier.domain.story import (
    Decision,
    Follower,
    KeptCase,
    KeptEvent,
    KeptNotice,
    Kind,
    Story,
    Subject,
    Told,
    Try,
)
from notifier.store import statements, tables

_events, _changes, _sent = tables.events, tables.changes, tables.outbox
_cases, _connections, _accounts = tables.cases, tables.connections, tables.accounts


def read_story(connection: Connection, asked: str) -> tuple[tuple[Subject, ...], Story | None]:
    """Return what an id may mean, and the story where that is one thing."""
    subjects = find_subjects(connection, asked)
    return subjects, tell(connection, subjects[0]) if len(subjects) == 1 else None


def find_subjects(connection: Connection, asked: str) -> tuple[Subject, ...]:
    """Return what an id may mean: Dintero's or our own of an event, a case's, a signup's, and so on."""
    account_id, _, name = asked.partition("/")
    present = (_connections.c.account_id == account_id, _connections.c.name == name)
    lookups: tuple[tuple[Kind, Table, Any, tuple[ColumnElement[bool], ...]], ...] = (
        (Kind.EVENT, _events, _events.c.event_key, (_events.c.event_id == asked,)),
        (Kind.EVENT, _events, _events.c.event_key, (_events.c.event_key == asked,)),
        (Kind.CASE, _cases, _cases.c.case_id, (_cases.c.case_id == asked,)),
        (Kind.CASE, _cases, _cases.c.case_id, (_cases.c.signup_id == asked,)),
        (Kind.CASE, _connections, _connections.c.case_id, present),
        (Kind.CHANGE, _changes, _changes.c.change_id, (_changes.c.change_id == asked,)),
        (Kind.NOTICE, tables.notices, tables.notices.c.notice_id, (tables.notices.c.notice_id == asked,)),
    )
    found: dict[tuple[Kind, str], Subject] = {}
    for kind, table, key, which in lookups:
        for row in _read(connection, table, *which):
            if row[key] is not None:
                found.setdefault((kind, row[key]), Subject(kind, row[key], _say_whose(row)))
    for row in _read(connection, _sent, _sent.c.notification_id == asked):
        if (Kind.NOTICE, row["change_id"]) not in found:
            found.setdefault((Kind.MESSAGE, asked), Subject(Kind.MESSAGE, asked))
    return tuple(found.values())


def tell(connection: Connection, subject: Subject) -> Story:
    """Return the story of something that `find_subjects` has found."""
    match subject.kind:
        case Kind.EVENT:
            return _tell_event(connection, subject)
        case Kind.CASE:
            return _tell_case(connection, subject)
        case Kind.CHANGE:
            changes = _read(connection, _changes, _changes.c.change_id == subject.key)
            messages = _read_messages(connection, _sent.c.change_id == subject.key)
            return _put_together(connection, subject, changes, messages)
        case Kind.MESSAGE:
            messages = _read_messages(connection, _sent.c.notification_id == subject.key)
            changes = _read(connection, _changes, _changes.c.change_id == messages[0].change_id)
            return _put_together(connection, subject, changes, messages)
        case Kind.NOTICE:
            return _tell_notice(connection, subject)


def _tell_event(connection: Connection, subject: Subject) -> Story:
    (event,) = _read(connection, _events, _events.c.event_key == subject.key)
    changes = _read(
        connection,
        _changes,
        _changes.c.account_id == event["account_id"],
        _changes.c.name == event["connection"],
        _changes.c.event_key == subject.key,
    )
    messages = _read_messages(connection, _sent.c.change_id.in_([row["change_id"] for row in changes]))
    return _put_together(connection, subject, changes, messages, events=[event])


def _tell_case(connection: Connection, subject: Subject) -> Story:
    case = _read_case(connection, subject.key)
    if case is None:
        return Story(subject)
    whose = _changes.c.account_id == case.account_id, _changes.c.name == case.connection
    of_case = _read_messages(connection, _sent.c.case_id == subject.key)
    # A change of the next case may have been what this one's card had to be told of.
    others = {one.change_id for one in of_case}
    changes = [
        row
        for row in _read(connection, _changes, *whose)
        if row["case_id"] == subject.key or row["change_id"] in others
    ]
    own = [row["change_id"] for row in changes if row["case_id"] == subject.key]
    # A word that is not known yet stands by itself, and belongs to the case all the same.
    further = [
        one
        for some in _split(own)
        for one in _read_messages(connection, _sent.c.change_id.in_(some))
        if one.case_id != subject.key
    ]
    where = _events.c.account_id == case.account_id, _events.c.connection == case.connection
    events = _read(connection, _events, *where, _events.c.case_id == subject.key, order=_events.c.position)
    return _put_together(connection, subject, changes, [*of_case, *further], events=events)


def _tell_notice(connection: Connection, subject: Subject) -> Story:
    (row,) = _read(connection, tables.notices, tables.notices.c.notice_id == subject.key)
    covered = select(func.count()).select_from(_sent).where(_sent.c.covered_by == subject.key)
    notice = KeptNotice(
        row["notice_id"], row["kind"], row["subject"], row["at"], connection.execute(covered).scalar() or 0
    )
    messages = _read_messages(connection, _sent.c.change_id == subject.key)
    return Story(subject, notice=notice, loose=tuple(messages))


def _put_together(
    connection: Connection,
    subject: Subject,
    changes: Sequence[RowMapping],
    messages: Sequence[Told],
    *,
    events: Sequence[RowMapping] = (),
) -> Story:
    known = {row["change_id"] for row in changes}
    first = next((row["case_id"] for row in (*changes, *events)), "")
    case_id = subject.key if subject.kind is Kind.CASE else first
    return Story(
        subject,
        case=_read_case(connection, case_id),
        events=tuple(_make_event(row) for row in events),
        decisions=tuple(
            _make_decision(row, [one for one in messages if one.change_id == row["change_id"]])
            for row in sorted(changes, key=lambda row: (row["seen_at"], row["change_id"]))
        ),
        followers=_read_followers(connection, case_id),
        loose=tuple(one for one in messages if one.change_id not in known),
    )


def _read_followers(connection: Connection, case_id: str) -> tuple[Follower, ...]:
    names = set(Follower.__dataclass_fields__) - {"permalink"}
    cards = _read(connection, tables.cards, tables.cards.c.case_id == case_id)
    return tuple(Follower(**{name: row[name] for name in names}) for row in cards)


def _read_case(connection: Connection, case_id: str) -> KeptCase | None:
    query = (
        select(_cases, _connections.c.status, _connections.c.source, _accounts.c.merchant)
        .add_columns(_connections.c.case_id.label("present"))
        .outerjoin(
            _connections,
            (_connections.c.account_id == _cases.c.account_id) & (_connections.c.name == _cases.c.name),
        )
        .outerjoin(_accounts, _accounts.c.account_id == _cases.c.account_id)
        .where(_cases.c.case_id == case_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return KeptCase(
        case_id=row[_cases.c.case_id],
        account_id=row["account_id"],
        connection=row["name"],
        merchant=row["merchant"] or "",
        source=row["source"] or "",
        status=row["status"],
        is_present=row["present"] == case_id,
        signup_id=row["signup_id"],
        opened_at=row["opened_at"],
        signup_created_at=row["signup_created_at"],
        expires_at=row["expires_at"],
        asked_at=row["asked_at"],
        end=row["end"],
    )


def _read_messages(connection: Connection, which: ColumnElement[bool]) -> list[Told]:
    rows = connection.execute(select(_sent).where(which).order_by(_sent.c.seq)).mappings().all()
    tries = _read_tries(connection, [row["notification_id"] for row in rows])
    covering = _read_covering(connection, {row["covered_by"] for row in rows if row["covered_by"]})
    own = set(Told.__dataclass_fields__) - {"covering", "tries", "permalink"}
    return [
        Told(
            **{name: row[name] for name in own},
            covering=covering.get(row["covered_by"], ""),
            tries=tuple(tries.get(row["notification_id"], ())),
        )
        for row in rows
    ]


def _read_tries(connection: Connection, notification_ids: Sequence[str]) -> dict[str, list[Try]]:
    table, tries = tables.attempts, dict[str, list[Try]]()
    for some in _split(notification_ids):
        query = select(table).where(table.c.notification_id.in_(some)).order_by(table.c.attempt_id)
        for row in connection.execute(query).mappings():
            made = Try(row["at"], row["outcome"], row["error_code"], row["error"])
            tries.setdefault(row["notification_id"], []).append(made)
    return tries


def _read_covering(connection: Connection, covering: Iterable[str]) -> dict[str, str]:
    """Return for each message that stands for others what it is, and where it stands."""
    words: dict[str, str] = {}
    for some in _split(sorted(covering)):
        for row in connection.execute(select(_sent).where(_sent.c.notification_id.in_(some))).mappings():
            place = f" in {row['channel']} at {row['message_ref']}" if row["message_ref"] else ""
            words[row["notification_id"]] = f"{row['topic']}, {row['state']}{place}"
    return words


def _make_event(row: RowMapping) -> KeptEvent:
    own = set(KeptEvent.__dataclass_fields__) - {"has_link"}
    return KeptEvent(**{name: row[name] for name in own}, has_link=row["link_digest"] != "")


def _make_decision(row: RowMapping, messages: Sequence[Told]) -> Decision:
    own = set(Decision.__dataclass_fields__) - {"connection", "messages"}
    return Decision(**{name: row[name] for name in own}, connection=row["name"], messages=tuple(messages))


def _say_whose(row: RowMapping) -> str:
    if "account_id" not in row:
        return ""
    return f"{row['account_id']}/{row['connection'] if 'connection' in row else row['name']}"


_HIDDEN: Final = frozenset({"link", "description"})
"""What is not even read: the signature link, and what somebody typed."""


def _read(
    connection: Connection,
    table: Table,
    *which: ColumnElement[bool],
    order: ColumnElement[Any] | None = None,
) -> Sequence[RowMapping]:
    columns = [column for column in table.columns if column.name not in _HIDDEN]
    query: Select[Any] = select(*columns).where(*which)
    return connection.execute(query if order is None else query.order_by(order)).mappings().all()


def _split(values: Sequence[str]) -> list[Sequence[str]]:
    most = statements.MOST_PARAMETERS
    return [values[start : start + most] for start in range(0, len(values), most)]
