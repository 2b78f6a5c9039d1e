"""Rows to values and back."""

from collections.abc import Iterable
from typing import Any

from notifier.domain.change import Change, Reason
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.plan import Planned
from notifier.domain.silences import Silence, read_matcher
from notifier.domain.state import AccountState, Case, CaseEnd, ConnectionState, KnownEvent
from notifier.store.prepared import Row
from notifier.store.vault import Vault


def account_row(state: AccountState) -> dict[str, Any]:
    """Return the row of an account."""
    return {
        "account_id": state.account.account_id,
        "source": state.source,
        "merchant": state.account.merchant,
        "is_live": state.account.is_live,
        "first_seen_at": state.first_seen_at,
        "first_read_at": state.first_read_at,
        "is_arrival": state.is_arrival,
        "unwatched_at": state.unwatched_at,
    }


def connection_row(state: ConnectionState) -> dict[str, Any]:
    """Return the row of a connection."""
    return {
        "account_id": state.key.account_id,
        "name": state.key.name,
        "source": state.source,
        "first_seen_at": state.first_seen_at,
        "status": state.status,
        "updated_at": state.updated_at,
        "case_id": state.case.case_id if state.case else None,
        "bare": list(state.bare),
        "ahead": state.ahead,
        "transitions": state.transitions,
        "gone_at": state.gone_at,
        "unwatched_at": state.unwatched_at,
    }


def case_row(case: Case) -> dict[str, Any]:
    """Return the row of a case."""
    return {
        "case_id": case.case_id,
        "account_id": case.key.account_id,
        "name": case.key.name,
        "ordinal": case.ordinal,
        "opened_at": case.opened_at,
        "signup_id": case.signup_id,
        "signup_created_at": case.signup_created_at,
        "expires_at": case.expires_at,
        "asked_at": case.asked_at,
        "end": case.end,
    }


def event_row(key: ConnectionKey, position: int, event: KnownEvent, vault: Vault) -> dict[str, Any]:
    """Return the row of an event; `position` is its place among the connection's events."""
    return {
        "event_key": event.event_key,
        "account_id": key.account_id,
        "connection": key.name,
        "position": position,
        "case_id": event.case_id,
        "event_id": event.event_id,
        "digest": event.digest,
        "status": event.status,
        "name": event.name,
        "created_at": event.created_at,
        "seen_at": event.seen_at,
        "description": event.description,
        "link": vault.seal(event.link),
        "link_digest": event.link_digest,
        "link_version": event.link_version,
    }


def change_row(planned: Planned) -> dict[str, Any]:
    """Return the row of a change, with what planning made of it."""
    change = planned.change
    return {
        "change_id": change.change_id,
        "topic": str(change.topic),
        "account_id": change.key.account_id,
        "name": change.key.name,
        "case_id": change.case_id,
        "event_key": change.event_key,
        "status": change.status,
        "at": change.at,
        "seen_at": change.seen_at,
        "reason": change.reason,
        "is_told": change.is_told,
        "outcome": planned.outcome,
        "detail": change.detail,
        "poll": planned.poll,
    }


def read_change(row: Row) -> Change:
    """Return the change of a row."""
    return Change(
        change_id=row["change_id"],
        topic=row["topic"],
        key=ConnectionKey(row["account_id"], row["name"]),
        case_id=row["case_id"],
        status=row["status"],
        seen_at=row["seen_at"],
        reason=Reason(row["reason"]),
        is_told=row["is_told"],
        at=row["at"],
        event_key=row["event_key"],
        detail=row["detail"],
    )


def read_notification(row: Row, prefix: str = "") -> Notification:
    """Return the notification of a row of the outbox, whose columns may have been given a prefix."""
    return Notification(
        notification_id=row[f"{prefix}notification_id"],
        change_id=row[f"{prefix}change_id"],
        case_id=row[f"{prefix}case_id"],
        receiver=row[f"{prefix}receiver"],
        destination=row[f"{prefix}destination"],
        topic=row[f"{prefix}topic"],
        purpose=Purpose(row[f"{prefix}purpose"]),
        rule=row[f"{prefix}rule"],
    )


def read_account(row: Row, connections: dict[str, ConnectionState]) -> AccountState:
    """Return the account of a row."""
    return AccountState(
        account=Account(row["account_id"], row["merchant"], row["is_live"]),
        source=row["source"],
        first_seen_at=row["first_seen_at"],
        first_read_at=row["first_read_at"],
        is_arrival=row["is_arrival"],
        unwatched_at=row["unwatched_at"],
        connections=connections,
    )


def read_connection(
    row: Row, cases: Iterable[Case], events: Iterable[KnownEvent], prefix: str = ""
) -> ConnectionState:
    """Return the connection of a row with its cases, in their order, and its events, in theirs.

    The columns may have been given a prefix.
    """
    all_cases, case_id = tuple(cases), row[f"{prefix}case_id"]
    return ConnectionState(
        key=ConnectionKey(row[f"{prefix}account_id"], row[f"{prefix}name"]),
        source=row[f"{prefix}source"],
        first_seen_at=row[f"{prefix}first_seen_at"],
        status=row[f"{prefix}status"],
        updated_at=row[f"{prefix}updated_at"],
        case=next((case for case in all_cases if case.case_id == case_id), None),
        earlier_cases=tuple(case for case in all_cases if case.case_id != case_id),
        events=tuple(events),
        bare=tuple(row[f"{prefix}bare"]),
        ahead=row[f"{prefix}ahead"],
        transitions=row[f"{prefix}transitions"],
        gone_at=row[f"{prefix}gone_at"],
        unwatched_at=row[f"{prefix}unwatched_at"],
    )


def read_case(row: Row) -> Case:
    """Return the case of a row."""
    return Case(
        case_id=row["case_id"],
        key=ConnectionKey(row["account_id"], row["name"]),
        ordinal=row["ordinal"],
        opened_at=row["opened_at"],
        signup_id=row["signup_id"],
        signup_created_at=row["signup_created_at"],
        expires_at=row["expires_at"],
        asked_at=row["asked_at"],
        end=CaseEnd(row["end"]) if row["end"] else None,
    )


def read_event(row: Row, vault: Vault) -> KnownEvent:
    """Return the event of a row."""
    return KnownEvent(
        event_key=row["event_key"],
        case_id=row["case_id"],
        event_id=row["event_id"],
        digest=row["digest"],
        status=row["status"],
        name=row["name"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        description=row["description"],
        link=vault.open(row["link"]),
        link_digest=row["link_digest"],
        link_version=row["link_version"],
    )


def read_silence(row: Row) -> Silence:
    """Return the silence of a row."""
    return Silence(
        silence_id=row["silence_id"],
        matchers=tuple(read_matcher(text) for text in row["matchers"]),
        author=row["author"],
        comment=row["comment"],
        created_at=row["created_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )
