"""From snapshots to the store: detect, plan and keep, in one transaction."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.domain.change import Change, Topic
from notifier.domain.detect import Detection, Watch, detect_account, note_absence, unwatch, withdraw
from notifier.domain.first_run import FirstRun
from notifier.domain.model import PENDING, Account, AccountSnapshot, ConnectionKey
from notifier.domain.plan import Planned
from notifier.domain.state import AccountState, ConnectionState
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Target, covers
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError
from notifier.service.early import Early
from notifier.service.planner import Planner
from notifier.service.ports import Books, Clock, Store


@dataclass(frozen=True, slots=True)
class Recorded:
    """What some snapshots came to.

    `changes` were found and kept; `notifications` of them are to be sent, to `destinations`. `suspects` are
    not there any more and have to be confirmed. `pending` are the accounts with a connection that somebody
    waits for.
    """

    changes: tuple[Change, ...] = ()
    notifications: int = 0
    suspects: tuple[ConnectionKey, ...] = ()
    pending: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()


class Recorder:
    """Keeps what the poller reads, and decides in the same transaction who is told.

    With `early` the same transaction claims the first message of each lane that waits for one.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        planner: Planner,
        first_run: FirstRun,
        early: Early | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._first_run = first_run
        self._early = early
        self._known_values: set[tuple[str, str]] = set()

    async def start(self, targets: tuple[Target, ...]) -> tuple[Change, ...]:
        """Load what is known, and end the cases of what no target covers any more."""
        now = self._clock.now()

        def job(books: Books) -> tuple[Change, ...]:
            self._known_values = books.load_known_values()
            scope = _Scope(targets)
            lost = [key for _, key in books.list_watched() if not scope.has(key)]
            changes = self._unwatch(books, lost, now)
            left = {key.account_id for key in lost if not key.name}
            accounts = books.load_accounts(left).values()
            books.save_accounts([replace(state, unwatched_at=now) for state in accounts])
            return changes

        return await self._store.run(job)

    async def recall(self) -> None:
        """Load what is known, and end nothing: somebody else has said what is watched."""
        self._known_values = await self._store.run(lambda books: books.load_known_values())

    async def record(
        self,
        snapshots: Iterable[AccountSnapshot],
        source: str,
        names: frozenset[str] = frozenset(),
        *,
        is_arrival: bool = False,
        poll: str = "",
    ) -> Recorded:
        """Compare snapshots with what is stored, and keep every change with its notifications.

        `names` are the connections watched, all when empty; `poll` names what was polled. Nothing is written
        when nothing has changed.
        """
        read = tuple(snapshots)
        now = self._clock.now()
        watch = Watch(source, self._first_run, is_arrival, names, frozenset(self._known_values))

        def job(books: Books) -> Recorded:
            states = books.load_accounts(one.account.account_id for one in read)
            found = [detect_account(states.get(one.account.account_id), one, watch, now) for one in read]
            reach(Waypoint.DETECTED)
            recorded = self._keep(books, found, now, _say_when(poll, now))
            if hand is not None:
                hand.claim(books, recorded.destinations, now)
            return recorded

        with self._early.watch() if self._early is not None else nullcontext() as hand:
            try:
                recorded = await self._store.run(job)
            except StoreError:
                raise
            except Exception:
                # A row of the outbox that cannot be taken is its lane's trouble: what was read is kept.
                if hand is None or not hand.give_up():
                    raise
                recorded = await self._store.run(job)
        self._learn(recorded.changes)
        return recorded

    async def record_absence(self, key: ConnectionKey, source: str) -> bool:
        """Remember that a connection was looked for and is not there.

        Returns True when it was there before: whether it is gone is to be confirmed.
        """
        now = self._clock.now()

        def job(books: Books) -> bool:
            account = books.load_accounts([key.account_id]).get(key.account_id)
            state = account.connections.get(key.name) if account else None
            if account is None:
                live = key.account_id.startswith("P")
                books.save_accounts([AccountState(Account(key.account_id, is_live=live), source, now)])
            if state is None:
                books.save_connections([note_absence(key, source, now)])
            return state is not None and state.case is not None and state.gone_at is None

        return await self._store.run(job)

    async def record_gone(self, keys: Iterable[ConnectionKey], poll: str = "") -> Recorded:
        """End connections that are gone for certain."""
        gone = tuple(keys)
        now = self._clock.now()

        def job(books: Books) -> Recorded:
            return self._end(books, gone, now, is_gone=True, poll=poll)

        return await self._store.run(job)

    async def record_account_gone(self, account_id: str, poll: str = "") -> Recorded:
        """End all connections of an account that Dintero does not know any more."""
        now = self._clock.now()

        def job(books: Books) -> Recorded:
            account = books.load_accounts([account_id]).get(account_id)
            keys = [one.key for one in account.connections.values()] if account else []
            return self._end(books, tuple(keys), now, is_gone=True, poll=poll)

        return await self._store.run(job)

    async def list_accounts(self, target: PartnerTarget, sources: frozenset[str]) -> set[str]:
        """Return the accounts that a partner's walk should show.

        Those are the ones that it showed before, and those of sources that are no longer in the settings.
        """

        def job(books: Books) -> set[str]:
            return books.list_accounts(target.source, sources) - target.except_accounts

        return await self._store.run(job)

    async def record_unwatched(self, account_ids: Iterable[str], poll: str = "") -> Recorded:
        """End the cases of accounts that are not under their partner any more."""
        ids = tuple(account_ids)
        now = self._clock.now()

        def job(books: Books) -> Recorded:
            accounts = books.load_accounts(ids)
            books.save_accounts([replace(state, unwatched_at=now) for state in accounts.values()])
            keys = [one.key for state in accounts.values() for one in state.connections.values()]
            return self._end(books, tuple(keys), now, is_gone=False, poll=poll)

        return await self._store.run(job)

    def _keep(self, books: Books, found: list[Detection], now: datetime, poll: str) -> Recorded:
        news = [one for one in found if one.is_news]
        planned = [
            replace(each, poll=poll)
            for one in news
            for each in self._planner.plan(books, one.changes, one.account.account, now, one.touched)
        ]
        notifications = 0
        if news:
            books.save_accounts([one.account for one in news if one.is_account_new])
            books.save_connections([state for one in news for state in one.touched])
            notifications = books.save_planned(planned, now)
        return Recorded(
            changes=tuple(change for one in news for change in one.changes),
            notifications=notifications,
            suspects=tuple(key for one in found for key in one.suspects),
            pending=frozenset(
                one.account.account.account_id
                for one in found
                if any(_is_pending(state) for state in one.account.connections.values())
            ),
            destinations=_list_destinations(planned),
        )

    def _end(
        self, books: Books, keys: tuple[ConnectionKey, ...], now: datetime, *, is_gone: bool, poll: str = ""
    ) -> Recorded:
        accounts = books.load_accounts({key.account_id for key in keys})
        changes: list[Change] = []
        destinations: frozenset[str] = frozenset()
        notifications = 0
        for key in keys:
            account = accounts.get(key.account_id)
            state = account.connections.get(key.name) if account else None
            if account is None or state is None:
                continue
            after, found = withdraw(state, now) if is_gone else unwatch(state, now)
            if after != state:
                books.save_connections([after])
            planned = self._planner.plan(books, found, account.account, now, (after,))
            named = [replace(one, poll=_say_when(poll, now)) for one in planned]
            notifications += books.save_planned(named, now)
            destinations |= _list_destinations(planned)
            changes += found
        return Recorded(tuple(changes), notifications, destinations=destinations)

    def _unwatch(self, books: Books, keys: list[ConnectionKey], now: datetime) -> tuple[Change, ...]:
        return self._end(books, tuple(key for key in keys if key.name), now, is_gone=False).changes

    def _learn(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if change.topic == Topic.UNKNOWN_VALUE:
                kind, _, value = change.detail.partition(" ")
                self._known_values.add((kind, value))


class _Scope:
    """What some targets cover, found by account: a look at every target for every key would take minutes."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._walks: list[Target] = []
        self._by_account: dict[str, list[Target]] = {}
        for target in targets:
            match target:
                case PartnerTarget():
                    self._walks.append(target)
                case AccountTarget():
                    self._by_account.setdefault(target.account_id, []).append(target)
                case ConnectionTarget():
                    self._by_account.setdefault(target.key.account_id, []).append(target)

    def has(self, key: ConnectionKey) -> bool:
        """Whether some target may show a connection."""
        near = self._by_account.get(key.account_id, ())
        return any(covers(target, key) for target in near) or any(
            covers(target, key) for target in self._walks
        )


def _say_when(poll: str, now: datetime) -> str:
    """Return which poll has shown a change: what was polled, and when."""
    return f"{poll} at {now.isoformat(timespec='seconds')}" if poll else ""


def _list_destinations(planned: Iterable[Planned]) -> frozenset[str]:
    """Return where something is to be sent."""
    return frozenset(each.destination for one in planned for each in one.notifications)


def _is_pending(state: ConnectionState) -> bool:
    return state.status == PENDING and state.gone_at is None and state.unwatched_at is None
