"""The cards of cases: who follows a case, where its message stands, and when something is due again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, func, literal, select, tuple_, update

from notifier.domain.cards import Card
from notifier.domain.delivery import Arrival, DeliveryState, Purpose
from notifier.domain.model import PENDING, TERMINAL_STATUSES, Account, ConnectionKey
from notifier.store import statements, tables
from notifier.store.prepared import Prepared, Row, among

_cards = tables.cards
_CASE: Final[BindParameter[str]] = bindparam("which")
_DESTINATION: Final[BindParameter[str]] = bindparam("where")
_is_one = _cards.c.case_id == _CASE, _cards.c.destination == _DESTINATION
_ONE: Final = select(_cards).where(*_is_one)
_CHANGE: Final = update(_cards).where(*_is_one)
_POSTED: Final = Prepared(
    _CHANGE.values(
        channel=bindparam("place"),
        message_ref=bindparam("ref"),
        posted_at=func.coalesce(_cards.c.posted_at, bindparam("now", type_=tables.Instant)),
    )
)
_FOLLOWERS: Final = Prepared(select(_cards).where(among(_cards.c.case_id, "cases")))
_WAKE: Final = Prepared(
    update(_cards)
    .where(among(_cards.c.case_id, "cases"), _cards.c.receiver != "")
    .values(next_at=bindparam("now", type_=tables.Instant))
)
_KEYS: Final = Prepared(
    select(tables.cases.c.case_id, tables.cases.c.account_id, tables.cases.c.name).where(
        among(tables.cases.c.case_id, "cases")
    )
)
_DUE: Final = (
    select(_cards)
    .where(_cards.c.next_at <= bindparam("now", type_=tables.Instant))
    .order_by(_cards.c.next_at)
    .limit(bindparam("most"))
)
_UNTOLD: Final = Prepared(
    select(tables.outbox.c.case_id, tables.outbox.c.destination)
    .where(among(tables.outbox.c.case_id, "cases"))
    .where(tables.outbox.c.state.in_((DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.MUTED)))
    .where(tables.outbox.c.purpose == Purpose.TELL)
    .distinct()
)


class Cards:
    """The cards, inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, case_id: str, destination: str) -> Card | None:
        """Return the card of a case at a destination, None where nobody there is to be told of it."""
        found = self._connection.execute(_ONE, {"which": case_id, "where": destination})
        row = found.mappings().first()
        return None if row is None else _read(row)

    def find_all(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Card]:
        """Return cards by case and destination; where nobody is to be told of a case there is none."""
        wanted = set(places)
        followers = self.load_followers(case_id for case_id, _ in wanted)
        cards = {(card.case_id, card.destination): card for some in followers.values() for card in some}
        return {place: card for place, card in cards.items() if place in wanted}

    def load_followers(self, case_ids: Iterable[str]) -> dict[str, list[Card]]:
        """Return the cards of some cases, by case."""
        wanted = list(dict.fromkeys(case_ids))
        followers: dict[str, list[Card]] = defaultdict(list)
        for row in _FOLLOWERS.read(self._connection, {"cases": wanted}) if wanted else ():
            followers[row["case_id"]].append(_read(row))
        return followers

    def open(self, cards: Sequence[Card]) -> None:
        """Write new cards; one that is there already stays as it is."""
        if cards:
            statement = statements.upsert(_cards, self._connection.dialect.name, keeps=True)
            statement.run_many(self._connection, [_row(card) for card in cards])

    def wake(self, case_ids: Iterable[str], now: datetime) -> None:
        """Have the reminders of some cases looked at anew: something about them is different."""
        wanted = list(dict.fromkeys(case_ids))
        if wanted:
            _WAKE.run(self._connection, {"cases": wanted, "now": now})

    def rearm(self, case_id: str, now: datetime) -> None:
        """Begin the reminders of a case anew, wherever it was told: its link is another one."""
        told = _cards.c.posted_at.is_not(None)
        anew = update(_cards).where(_cards.c.case_id == case_id, told)
        self._connection.execute(anew.values(armed_at=now, reminders=0, escalations=0))

    def find_keys(self, case_ids: Iterable[str]) -> dict[str, ConnectionKey]:
        """Return whose cases these are; what is no case of a connection is absent."""
        wanted = list(dict.fromkeys(case_ids))
        found = _KEYS.read(self._connection, {"cases": wanted}) if wanted else ()
        return {row["case_id"]: ConnectionKey(row["account_id"], row["name"]) for row in found}

    def list_waiting(
        self, now: datetime, after: Card | None, most: int
    ) -> list[tuple[Card, Account, ConnectionKey]]:
        """Return the next posted cards of cases that somebody still waits for, each with whose it is."""
        cases, accounts, there = tables.cases, tables.accounts, tables.connections
        status = func.coalesce(there.c.ahead, there.c.status)
        is_over = status.in_(TERMINAL_STATUSES) | (cases.c.expires_at <= now)
        query = (
            select(_cards, cases.c.account_id, cases.c.name, accounts.c.merchant, accounts.c.is_live)
            .join(cases, cases.c.case_id == _cards.c.case_id)
            .join(there, there.c.case_id == cases.c.case_id)
            .join(accounts, accounts.c.account_id == cases.c.account_id)
            .where(there.c.account_id == cases.c.account_id, there.c.name == cases.c.name)
            .where(cases.c.end.is_(None), _cards.c.posted_at.is_not(None), is_over.is_not(True))
            .order_by(_cards.c.case_id, _cards.c.destination)
            .limit(most)
        )
        if after is not None:
            place = tuple_(literal(after.case_id), literal(after.destination))
            query = query.where(tuple_(_cards.c.case_id, _cards.c.destination) > place)
        found = self._connection.execute(query).mappings()
        return [
            (
                Card(**{column.name: row[column.name] for column in _cards.columns}),
                Account(row["account_id"], row["merchant"], row["is_live"]),
                ConnectionKey(row["account_id"], row["name"]),
            )
            for row in found
        ]

    def note_posted(self, arrivals: Iterable[Arrival]) -> None:
        """Remember where cards' messages stand, and when their destinations were told first."""
        posted = [
            {
                "which": one.claim.notification.case_id,
                "where": one.claim.notification.destination,
                "place": one.receipt.channel,
                "ref": one.receipt.message_ref,
                "now": one.at,
            }
            for one in arrivals
        ]
        if posted:
            _POSTED.run_many(self._connection, posted)

    def note_lost(self, case_id: str, destination: str, *, is_update: bool) -> bool:
        """Remember that a card's message is gone; return whether the notification takes its place.

        An update that fails a second time (`is_update`) does not: the thread may still be there.
        """
        card = self.find(case_id, destination)
        if card is None or (is_update and card.is_fixed):
            return False
        self._change(card, channel="", message_ref="", is_fixed=True)
        return True

    def list_due(self, now: datetime, most: int) -> list[Card]:
        """Return the cards about which something may have to be said, those that wait longest first."""
        found = self._connection.execute(_DUE, {"now": now, "most": most})
        return [_read(row) for row in found.mappings()]

    def next_due_at(self) -> datetime | None:
        """Return when a card is due next, None when none is."""
        query = select(_cards.c.next_at).where(_cards.c.next_at.is_not(None)).order_by(_cards.c.next_at)
        return self._connection.execute(query.limit(1)).scalar()

    def save(self, card: Card) -> None:
        """Write how far a card's reminders are."""
        self._change(
            card,
            armed_at=card.armed_at,
            reminders=card.reminders,
            escalations=card.escalations,
            warned_at=card.warned_at,
            next_at=card.next_at,
            warned_for=card.warned_for,
            ended_for=card.ended_for,
        )

    def note_stale(self, case_id: str, last_at: datetime) -> None:
        """Remember that it was told of a case that nothing was heard of it since an instant."""
        self._connection.execute(update(_cards).where(_cards.c.case_id == case_id).values(stale_for=last_at))

    def find_untold(self, case_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return, as case and destination, which cards have news that is on its way or kept back."""
        wanted = list(dict.fromkeys(case_ids))
        found = _UNTOLD.read(self._connection, {"cases": wanted}) if wanted else ()
        return {(row["case_id"], row["destination"]) for row in found}

    def _change(self, card: Card, **values: Any) -> None:
        which = {"which": card.case_id, "where": card.destination}
        self._connection.execute(_CHANGE.values(**values), which)


def _row(card: Card) -> dict[str, Any]:
    return {column.name: getattr(card, column.name) for column in _cards.columns}


def _read(row: Row) -> Card:
    return Card(**row)


def list_silent(
    connection: Connection, after: str, before: datetime, most: int
) -> tuple[list[str], str | None]:
    """Return accounts with something pending that showed nothing since `before`; see `Books.list_silent`."""
    there, events = tables.connections, tables.events
    page = (
        select(there.c.account_id)
        .where(there.c.account_id > after, there.c.status == PENDING, there.c.gone_at.is_(None))
        .where(there.c.unwatched_at.is_(None))
        .group_by(there.c.account_id)
        .order_by(there.c.account_id)
        .limit(most)
    )
    listed = list(connection.execute(page).scalars())
    if not listed:
        return [], None
    loud = (
        select(events.c.account_id)
        .where(events.c.account_id.in_(listed))
        .group_by(events.c.account_id, events.c.connection)
        .having(func.max(events.c.seen_at) >= before)
    )
    every = (
        select(there.c.account_id, func.count())
        .where(there.c.account_id.in_(listed), there.c.status == PENDING)
        .group_by(there.c.account_id)
    )
    heard = Counter(connection.execute(loud).scalars())
    silent = [account for account, count in connection.execute(every) if heard[account] < count]
    return silent, listed[-1] if len(listed) == most else None
