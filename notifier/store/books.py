"""What can be read and written inside one transaction: the state of connections, and what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from notifier.domain.blindness import TroubleKind
from notifier.domain.cards import Card
from notifier.domain.change import Topic
from notifier.domain.compose import Dossier
from notifier.domain.delivery import Notification
from notifier.domain.keeping import LinkSweep
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.notices import NoticeFile, list_cases
from notifier.domain.plan import Planned
from notifier.domain.silences import Silence
from notifier.domain.state import AccountState, Case, ConnectionState, KnownEvent
from notifier.domain.summary import Week
from notifier.store import restored, retention, rows, signs, statements, tables, weeks
from notifier.store.cards import Cards, list_silent
from notifier.store.digests import Digests
from notifier.store.dossiers import load_dossiers
from notifier.store.errands import Errands
from notifier.store.links import tend_links
from notifier.store.notices import Notices
from notifier.store.outbox import Outbox
from notifier.store.prepared import Row
from notifier.store.shards import Shards
from notifier.store.troubles import Troubles
from notifier.store.vault import Vault


class Books:
    """One open transaction; everything done through it is kept together or not at all.

    `outbox`, `cards`, `digests`, `notices`, `troubles`, `shards` and `errands` are parts of the store as the
    same transaction sees them.
    """

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self.outbox = Outbox(connection)
        self.cards = Cards(connection)
        self.digests = Digests(connection)
        self.notices = Notices(connection)
        self.troubles = Troubles(connection)
        self.shards = Shards(connection)
        self.errands = Errands(connection)

    def load_accounts(self, account_ids: Iterable[str]) -> dict[str, AccountState]:
        """Return what is known of some accounts, by their ids; those that are unknown are absent."""
        wanted = list(dict.fromkeys(account_ids))
        return self._load_some(wanted) if wanted else {}

    def load_silences(self, now: datetime) -> list[Silence]:
        """Return the silences that hold at an instant."""
        found = statements.SILENCES.read(self._connection, {"at": now})
        return [rows.read_silence(row) for row in found]

    def list_unannounced(self, now: datetime) -> list[tuple[Silence, bool]]:
        """Return the silences of which it has to be said that they have begun (False) or ended (True)."""
        table = tables.silences
        begun = table.c.begun_at.is_(None) & (table.c.starts_at <= now) & (table.c.ends_at > now)
        ended = table.c.begun_at.is_not(None) & table.c.ended_at.is_(None) & (table.c.ends_at <= now)
        found = self._connection.execute(select(table).where(begun | ended)).mappings()
        return [(rows.read_silence(row), row["begun_at"] is not None) for row in found]

    def mark_announced(self, silence_id: str, now: datetime, *, is_end: bool) -> None:
        """Remember that the beginning or the end of a silence was said."""
        values = {"ended_at" if is_end else "begun_at": now}
        one = tables.silences.c.silence_id == silence_id
        self._connection.execute(tables.silences.update().where(one).values(**values))

    def list_waiting_cards(
        self, now: datetime, after: Card | None, most: int
    ) -> list[tuple[Card, Account, ConnectionKey]]:
        """Return the next cards of cases that somebody still waits for, each with whose it is."""
        return self.cards.list_waiting(now, after, most)

    def load_known_values(self) -> set[tuple[str, str]]:
        """Return the words of Dintero's that were noted as unknown before, as (kind, value)."""
        query = select(tables.known_values.c.kind, tables.known_values.c.value)
        return {(kind, value) for kind, value in self._connection.execute(query)}

    def load_dossiers(self, notifications: Sequence[Notification]) -> dict[str, Dossier]:
        """Return all that is known of the changes of notifications, by notification.

        What is not in the store is absent. The card that each is told on is not in it.
        """
        return load_dossiers(self._connection, self._vault, notifications)

    def load_notice(self, notice_id: str) -> NoticeFile | None:
        """Return a notice with what its message is made from, None where it is not known."""
        notice = self.notices.load(notice_id)
        if notice is None:
            return None
        accounts = self.load_accounts({ref.key.account_id for ref in list_cases(notice)})
        return NoticeFile(notice, accounts, self.notices.load_incident(notice.subject))

    def load_cases(self, case_ids: Iterable[str]) -> dict[str, tuple[AccountState, ConnectionState, Case]]:
        """Return some cases, each with its account and its connection; those that are unknown are absent."""
        keys = self.cards.find_keys(case_ids)
        accounts = self.load_accounts(key.account_id for key in keys.values())
        found: dict[str, tuple[AccountState, ConnectionState, Case]] = {}
        for case_id, key in keys.items():
            account = accounts.get(key.account_id)
            connection = account.connections.get(key.name) if account else None
            if account is None or connection is None:
                continue
            every = (*connection.earlier_cases, *((connection.case,) if connection.case else ()))
            found |= {one.case_id: (account, connection, one) for one in every if one.case_id == case_id}
        return found

    def list_silent(self, after: str, before: datetime, most: int) -> tuple[list[str], str | None]:
        """Return accounts with something pending that showed nothing since `before`, next behind `after`.

        With them comes the account to go on from, None at the end.
        """
        return list_silent(self._connection, after, before, most)

    def list_watched(self) -> Iterator[tuple[str, ConnectionKey]]:
        """Give the source and the key of every connection that is watched and there, and of empty accounts.

        An account without connections stands there with the name "". One by one, while the transaction is
        open: there may be hundreds of thousands.
        """
        listed = tables.connections
        query = select(listed.c.source, listed.c.account_id, listed.c.name).where(
            listed.c.unwatched_at.is_(None), listed.c.gone_at.is_(None)
        )
        for source, account, name in self._connection.execute(query):
            yield source, ConnectionKey(account, name)
        whose = tables.accounts
        others = select(whose.c.source, whose.c.account_id).where(whose.c.unwatched_at.is_(None))
        for source, account in self._connection.execute(others):
            yield source, ConnectionKey(account, "")

    def list_accounts(self, source: str, known: Iterable[str]) -> set[str]:
        """Return the accounts that are watched at a source, or at one that is none of the `known` ones."""
        whole, part = (
            select(table.c.account_id).where(
                table.c.unwatched_at.is_(None),
                or_(table.c.source == source, table.c.source.not_in(tuple(known))),
            )
            for table in (tables.accounts, tables.connections)
        )
        part = part.where(tables.connections.c.gone_at.is_(None))
        return set(self._connection.execute(whole.union(part)).scalars())

    def is_walked(self, source: str, owner_id: str) -> bool:
        """Whether a partner's accounts were all read at least once."""
        query = select(tables.walks.c.source).where(
            tables.walks.c.source == source, tables.walks.c.owner_id == owner_id
        )
        return self._connection.execute(query).first() is not None

    def mark_walked(self, source: str, owner_id: str, now: datetime) -> None:
        """Remember that a partner's accounts were all read: those that appear from now on are news."""
        row = {"source": source, "owner_id": owner_id, "first_completed_at": now}
        self._upsert(tables.walks, [row], keep=True)

    def save_accounts(self, accounts: Sequence[AccountState]) -> None:
        """Write accounts, without their connections."""
        self._upsert(tables.accounts, [rows.account_row(state) for state in accounts])

    def save_connections(self, connections: Sequence[ConnectionState]) -> None:
        """Write connections with their cases and events."""
        cases: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        for state in connections:
            every = (*state.earlier_cases, *((state.case,) if state.case else ()))
            cases += [rows.case_row(case) for case in every]
            events += [
                rows.event_row(state.key, place, one, self._vault) for place, one in enumerate(state.events)
            ]
        self._upsert(tables.connections, [rows.connection_row(state) for state in connections])
        self._upsert(tables.cases, cases)
        self._upsert(tables.events, events)

    def save_planned(self, planned: Sequence[Planned], now: datetime) -> int:
        """Write changes and put their notifications into the outbox; return how many are to be sent.

        What is there already stays as it is: the same change is never told twice.
        """
        new = self._find_new(planned)
        self._upsert(tables.changes, [rows.change_row(one) for one in planned], keep=True)
        values = [
            {"kind": kind, "value": value, "seen_at": now}
            for kind, _, value in (
                one.change.detail.partition(" ") for one in planned if one.change.topic == "unknown_value"
            )
        ]
        self._upsert(tables.known_values, values, keep=True)
        self.cards.open([card for one in planned for card in one.opened])
        for one in planned:
            if one.change.topic == Topic.LINK_REPLACED and one.change.is_told:
                self.cards.rearm(one.change.case_id, now)
        self.cards.wake((each.case_id for one in new for each in one.notifications), now)
        return self.outbox.enqueue([one for each in planned for one in each.notifications], now)

    def _find_new(self, planned: Sequence[Planned]) -> list[Planned]:
        """Return what is not written yet: what is, wakes nobody again."""
        ids = [one.change.change_id for one in planned]
        found = statements.KNOWN_CHANGES.read(self._connection, {"ids": ids}) if ids else ()
        known = {row["change_id"] for row in found}
        return [one for one in planned if one.change.change_id not in known]

    def save_problem(
        self, subject: str, sentence: str, now: datetime, kind: TroubleKind = TroubleKind.UNREADABLE
    ) -> None:
        """Remember that something cannot be read, since now unless it was remembered before."""
        table = tables.problems
        said = {"sentence": sentence, "kind": kind}
        one = table.c.subject == subject
        known = self._connection.execute(select(table.c.sentence, table.c.kind).where(one)).first()
        if known is None:
            self._upsert(table, [{"subject": subject, "since": now, **said}])
        elif tuple(known) != (sentence, kind):
            self._connection.execute(table.update().where(one).values(**said))

    def clear_problem(self, subject: str) -> None:
        """Forget a problem: it is over."""
        self._connection.execute(tables.problems.delete().where(tables.problems.c.subject == subject))

    def load_problems(self) -> dict[str, str]:
        """Return the problems that are not over: subject to sentence."""
        query = select(tables.problems.c.subject, tables.problems.c.sentence)
        return dict(self._connection.execute(query).all())

    def load_week(self, since: datetime, until: datetime) -> Week:
        """Return what a summary counts."""
        return weeks.read_week(self._connection, since, until)

    def find_beginning(self) -> datetime | None:
        """Return when the first account was seen, None before that."""
        return weeks.find_beginning(self._connection)

    def tend_links(self, after: str, now: datetime, grace: timedelta) -> LinkSweep:
        """Erase or encrypt, of the next events behind `after`, the links for which it is time."""
        return tend_links(self._connection, self._vault, after, now, grace)

    def take_over_copy(self, now: datetime, ends_at: datetime) -> datetime | None:
        """Put in doubt what a store restored from a backup believes unsent; see `restored.take_over`."""
        return restored.take_over(self._connection, now, ends_at)

    def settle_copy(self) -> None:
        """From now on the store is like any other: what it detects cannot have been posted before."""
        restored.settle(self._connection)

    def prune(self, before: datetime, most: int) -> int:
        """Forget at most so many settled messages and changes from before an instant; return how many."""
        return retention.prune(self._connection, before, most)

    def forget_words(self, after: str, before: datetime, most: int) -> str | None:
        """Forget what was typed about old events, the next ones behind `after`; see `retention`."""
        return retention.forget_words(self._connection, after, before, most)

    def save_beat(self, row: Mapping[str, Any]) -> None:
        """Write an engine's sign of life; `row` holds the columns of `engines`, but for who it is."""
        signs.save(self._connection, row)

    def list_living(self, now: datetime) -> set[str]:
        """Return the engines that live, by what `engines` calls them."""
        return signs.list_living(self._connection, now)

    def forget_gone(self, before: datetime) -> None:
        """Forget the engines that have given no sign of life since an instant."""
        signs.forget(self._connection, before)

    def _load_some(self, account_ids: list[str]) -> dict[str, AccountState]:
        cases: dict[tuple[str, str], list[Case]] = defaultdict(list)
        for row in self._select(tables.cases, account_ids, "ordinal"):
            cases[row["account_id"], row["name"]].append(rows.read_case(row))
        events: dict[tuple[str, str], list[KnownEvent]] = defaultdict(list)
        for row in self._select(tables.events, account_ids, "position"):
            events[row["account_id"], row["connection"]].append(rows.read_event(row, self._vault))
        connections: dict[str, dict[str, ConnectionState]] = defaultdict(dict)
        for row in self._select(tables.connections, account_ids, "name"):
            place = row["account_id"], row["name"]
            state = rows.read_connection(row, cases[place], events[place])
            connections[row["account_id"]][row["name"]] = state
        found = self._select(tables.accounts, account_ids, "account_id")
        return {row["account_id"]: rows.read_account(row, connections[row["account_id"]]) for row in found}

    def _select(self, table: Table, account_ids: list[str], order: str) -> Sequence[Row]:
        statement = statements.select_by_accounts(table, order)
        return statement.read(self._connection, {"account_ids": account_ids})

    def _upsert(self, table: Table, values: list[dict[str, Any]], *, keep: bool = False) -> None:
        if values:
            statement = statements.upsert(table, self._connection.dialect.name, keeps=keep)
            statement.run_many(self._connection, values)
