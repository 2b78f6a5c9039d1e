"""The outbox: what is to be sent, what is on its way, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Result, and_, func, select, update

from notifier.domain.delivery import Arrival, AttemptOutcome, Claim, DeliveryState, Notification
from notifier.domain.quiet import Kept
from notifier.store import claiming, decisions, homes, muted, restored, statements, tables

_OPEN: Final = (DeliveryState.DUE, DeliveryState.SENDING)
_ERROR_CHARS: Final = 500


class Outbox:
    """The outbox, the holds on receivers, and nothing else, inside one open transaction.

    `due` are the destinations for which this transaction has put something in, or made it due.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.due: set[str] = set()

    def enqueue(self, notifications: Sequence[Notification], now: datetime) -> int:
        """Put notifications into the outbox, due now, and return how many of them are new.

        One that is there already stays as it is.
        In a store that was just restored from a backup each may have been posted already: it is in doubt.
        """
        if not notifications:
            return 0
        dialect = self._connection.dialect.name
        statement = statements.insert_new(tables.outbox, dialect, "notification_id")
        doubt = restored.find_doubt(self._connection)
        new = [_new_row(one, now, doubt) for one in notifications]
        self.due.update(one.destination for one in notifications if not one.muted_by)
        return statement.count(self._connection, new)

    def recover(self, look_at: datetime, ends_at: datetime, destination: str | None = None) -> int:
        """Put in doubt what a process that is no more was sending; return how many deliveries that are.

        They are looked for from `look_at` on, and count as not sent if they do not stand there at `ends_at`.
        Without a destination it is the only process: whatever is on its way was on its way from one before.
        """
        table = tables.outbox
        sending = update(table).where(table.c.state == statements.SENDING)
        if destination is not None:
            sending = sending.where(table.c.destination == destination)
        doubt = {"is_repeat": True, "next_attempt_at": look_at, "doubt_ends_at": ends_at}
        again = sending.values(state=DeliveryState.DUE, **doubt).returning(table.c.destination)
        return self._note_due(self._connection.execute(again))

    def unclaim(self, destination: str, now: datetime) -> None:
        """Make due again what is claimed for a destination for which nothing is on its way.

        Such a claim stands there after a commit that failed, and took effect all the same.
        """
        table = tables.outbox
        claimed = and_(table.c.destination == destination, table.c.state == DeliveryState.SENDING)
        again = update(table).where(claimed)
        self.due.add(destination)
        values = {"state": DeliveryState.DUE, "next_attempt_at": now, "attempts": table.c.attempts - 1}
        self._connection.execute(again.values(**values))

    def rehome(self, destinations: Mapping[str, str], now: datetime, *, is_alone: bool = True) -> int:
        """Bring cards and what is unsettled to where their receivers are; see `homes.rehome`."""
        self.due.update(destinations.values())
        return homes.rehome(self._connection, destinations, now, is_alone=is_alone)

    def list_unknown(self, receivers: Collection[str], since: datetime, now: datetime) -> set[str]:
        """Return whom messages wait for that no worker has known since an instant; see `homes`."""
        return homes.list_unknown(self._connection, receivers, since, now)

    def list_strays(self, destinations: Mapping[str, str], since: datetime, now: datetime) -> set[str]:
        """Return where messages wait that no worker has led to since an instant; see `homes`."""
        return homes.list_strays(self._connection, destinations, since, now)

    def give_up(self, receivers: Collection[str], now: datetime) -> int:
        """Give up what is for receivers that are gone; return how many messages that are."""
        return homes.give_up(self._connection, receivers, now)

    def call_for(self, destination: str) -> None:
        """Have somebody look after a destination for which more is due than could be sent."""
        self.due.add(destination)

    def claim(self, destination: str, now: datetime, since: datetime) -> Claim | None:
        """Take the next notification that may be sent to a destination now, and mark it as being sent.

        The first of each case is next; those behind it wait for it. A receiver on hold gets one message when
        its hold has run out, and no more until that one is taken. `since` is the time by the receiver's
        clock.
        """
        return self.claim_all({destination: since}, now).get(destination)

    def claim_all(self, wants: Mapping[str, datetime], now: datetime) -> dict[str, Claim]:
        """Take the next notification for each of some destinations; where there is none now, none is in it.

        `wants` maps each to the time by its receiver's clock.
        """
        return claiming.claim(self._connection, wants, now)

    def list_muted(self, before: int | None, most: int) -> list[Kept]:
        """Return what is kept back, the newest first; of what stands before a place in the outbox."""
        return muted.list_muted(self._connection, before, most)

    def release_muted(self, kept: Kept, now: datetime) -> None:
        """Let something that is kept back be sent, and stand for all that is older of its case."""
        muted.release(self._connection, kept, now)
        self.due.add(kept.notification.destination)

    def is_claimed(self, claim: Claim) -> bool:
        """Whether a claim still holds: it does not when another process has taken it over."""
        return self._connection.execute(statements.IS_CLAIMED, _name_claim(claim)).first() is not None

    def put_back(self, claim: Claim) -> None:
        """Undo a claim: nothing was sent on it."""
        self.due.add(claim.notification.destination)
        self._change(claim, state=DeliveryState.DUE, attempts=claim.attempt - 1)

    def record_muted(self, claim: Claim, reason: str) -> None:
        """Keep back what was about to be sent; it was not tried."""
        self._change(claim, state=DeliveryState.MUTED, attempts=claim.attempt - 1, covered_by=reason)

    def take_again(self, claim: Claim) -> None:
        """Redo a claim that was undone in this transaction."""
        table, one = tables.outbox, claim.notification
        again = update(table).where(table.c.notification_id == one.notification_id)
        self._connection.execute(again.values(state=DeliveryState.SENDING, attempts=claim.attempt))

    def cover_updates(self, claims: Sequence[Claim], now: datetime) -> None:
        """Let messages that are about to be sent stand for all updates of their cards."""
        covers = [
            {
                "which": one.notification.case_id,
                "where": one.notification.destination,
                "now": now,
                "cover": one.notification.notification_id,
            }
            for one in claims
        ]
        if covers:
            statements.COVER_UPDATES.run_many(self._connection, covers)

    def record_covered(self, claim: Claim, now: datetime, *, covered_by: str = "") -> None:
        """Record that a message need not be sent: what it would say is said, or will be, by another."""
        if self._change(claim, state=DeliveryState.COVERED, settled_at=now, covered_by=covered_by):
            self._note(claim, now, AttemptOutcome.COVERED)

    def next_due_at(self, destination: str) -> datetime | None:
        """Return when the next notification for a destination may be sent, None when there is none."""
        found = statements.NEXT_DUE.read(self._connection, {"where": destination})
        return found[0]["due_at"] if found else None

    def list_due(self, now: datetime) -> list[str]:
        """Return the destinations for which something is due, or on its way from whoever that may be."""
        return list(self._connection.execute(statements.DUE_DESTINATIONS, {"at": now}).scalars())

    def list_waiting(self) -> dict[str, tuple[int, str]]:
        """Return for each receiver how many notifications are still to be sent, and what it said last."""
        table, held = tables.outbox, tables.holds
        words = func.coalesce(func.max(held.c.error), func.max(table.c.error))
        query = (
            select(table.c.receiver, func.count(), words)
            .select_from(table.outerjoin(held, held.c.receiver == table.c.receiver))
            .where(table.c.state.in_(_OPEN))
            .group_by(table.c.receiver)
        )
        return {receiver: (count, said) for receiver, count, said in self._connection.execute(query)}

    def pull_forward(self, beyond: datetime, now: datetime) -> None:
        """Make due now whatever waits for an instant so far away that only a changed clock explains it."""
        far, held = tables.outbox, tables.holds
        sooner = update(far).where(far.c.next_attempt_at > beyond).values(next_attempt_at=now)
        self._note_due(self._connection.execute(sooner.returning(far.c.destination)))
        self._connection.execute(
            update(held).where(held.c.next_attempt_at > beyond).values(next_attempt_at=now)
        )

    def record_arrivals(self, arrivals: Sequence[Arrival]) -> set[str]:
        """Record that receivers have messages, and release the receivers that were on hold.

        Return the ids of the notifications whose claims still held: where one has passed on nothing is
        recorded, and whoever has it finds the message.
        """
        return claiming.record_arrivals(self._connection, arrivals)

    def record_retry(
        self, claim: Claim, next_attempt_at: datetime, *, now: datetime, is_repeat: bool, **changed: Any
    ) -> bool:
        """Record that the message is to be sent again; `is_repeat` says whether it may have arrived.

        `changed` are further columns: `is_plain`, `attempts`, `doubt_ends_at`, `error_code`, `error`. Without
        an error the message was looked for, and is not there yet. Return whether the claim still held.
        """
        is_changed = self._change(
            claim,
            state=DeliveryState.DUE,
            next_attempt_at=next_attempt_at,
            is_repeat=is_repeat or claim.is_repeat,
            **changed,
        )
        if is_changed:
            code, error = changed.get("error_code", ""), changed.get("error", "")
            self._note(claim, now, AttemptOutcome.RETRY if error else AttemptOutcome.NOT_FOUND, code, error)
        return is_changed

    def record_dead(self, claim: Claim, now: datetime, *, error_code: str, error: str) -> None:
        """Record that the message was given up, for `notifier outbox` to decide about."""
        if self._change(claim, state=DeliveryState.DEAD, settled_at=now, error_code=error_code, error=error):
            self._note(claim, now, AttemptOutcome.DEAD, error_code, error)

    def record_held(self, claim: Claim, now: datetime, *, error_code: str, error: str) -> bool:
        """Record that the message may have arrived: somebody has to decide whether to send it.

        Return whether the claim still held.
        """
        changed = {"settled_at": now, "error_code": error_code, "error": error}
        is_changed = self._change(claim, state=DeliveryState.HELD, **changed)
        if is_changed:
            self._note(claim, now, AttemptOutcome.HELD, error_code, error)
        return is_changed

    def hold(
        self, receiver: str, now: datetime, next_attempt_at: datetime, *, error_code: str, error: str
    ) -> int:
        """Hold a receiver and its queue until an instant; return how often in a row it was held."""
        table = tables.holds
        held = self._connection.execute(select(table.c.attempts).where(table.c.receiver == receiver)).scalar()
        values: dict[str, Any] = {
            "next_attempt_at": next_attempt_at,
            "error_code": error_code,
            "error": error[:_ERROR_CHARS],
            "attempts": (held or 0) + 1,
        }
        if held is None:
            self._connection.execute(table.insert().values(receiver=receiver, since=now, **values))
        else:
            self._connection.execute(table.update().where(table.c.receiver == receiver).values(**values))
        return (held or 0) + 1

    def count_holds(self, receiver: str) -> int:
        """Return how often in a row a receiver was held, 0 when it is not."""
        return self._connection.execute(statements.COUNT_HOLDS, {"which": receiver}).scalar() or 0

    def retry(self, notification_ids: Sequence[str] | None, now: datetime) -> int:
        """Make dead, held or dropped notifications due again, all dead ones when no ids are given."""
        destinations = decisions.retry(self._connection, notification_ids, now)
        self.due.update(destinations)
        return len(destinations)

    def drop(self, notification_ids: Sequence[str], now: datetime) -> int:
        """Decide that notifications are not to be sent; one that is on its way is left alone."""
        return decisions.drop(self._connection, notification_ids, now)

    def _note_due(self, found: Result[str]) -> int:
        """Take note of what was made due, by the destinations of the rows; return how many rows it is."""
        destinations = found.scalars().all()
        self.due.update(destinations)
        return len(destinations)

    def _change(self, claim: Claim, **values: Any) -> bool:
        """Change the row of a claim; return whether the claim still held."""
        if "error" in values:
            values["error"] = values["error"][:_ERROR_CHARS]
        changed = {**_name_claim(claim), **values}
        return self._connection.execute(statements.CHANGE_CLAIMED, changed).rowcount > 0

    def _note(
        self, claim: Claim, now: datetime, outcome: AttemptOutcome, error_code: str = "", error: str = ""
    ) -> None:
        """Write what an attempt came to, for `notifier explain`."""
        row = {
            "notification_id": claim.notification.notification_id,
            "at": now,
            "outcome": outcome,
            "error_code": error_code,
            "error": error[:_ERROR_CHARS],
        }
        statements.NOTE_ATTEMPT.run(self._connection, row)


def _name_claim(claim: Claim) -> dict[str, Any]:
    return {
        "which": claim.notification.notification_id,
        "attempt": claim.attempt,
        "begun_at": claim.created_at,
    }


def _new_row(notification: Notification, now: datetime, doubt: restored.Doubt | None) -> dict[str, Any]:
    return {
        "notification_id": notification.notification_id,
        "change_id": notification.change_id,
        "case_id": notification.case_id,
        "receiver": notification.receiver,
        "destination": notification.destination,
        "topic": str(notification.topic),
        "state": DeliveryState.MUTED if notification.muted_by else DeliveryState.DUE,
        "attempts": 0,
        "is_repeat": doubt is not None,
        "is_plain": False,
        "doubt_since": doubt.since if doubt else None,
        "doubt_ends_at": doubt.ends_at if doubt else None,
        "created_at": now,
        "next_attempt_at": now,
        "settled_at": None,
        "channel": "",
        "message_ref": "",
        "error_code": "",
        "error": "",
        "purpose": notification.purpose,
        "rule": notification.rule,
        "covered_by": notification.muted_by,
    }
