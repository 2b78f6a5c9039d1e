"""Which of a connection's events were seen before, and what the others say."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from notifier.domain.cases import find_case
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.identity import digest_event, digest_link, name_event, name_of
from notifier.domain.keeping import is_over
from notifier.domain.model import (
    PENDING,
    SIGNATURE_REQUIRED,
    TERMINAL_STATUSES,
    ConnectionSnapshot,
    Event,
    SignatureLink,
)
from notifier.domain.state import Case, ConnectionState, KnownEvent

_LAST: Final = datetime.max.replace(tzinfo=UTC)

# An event of Dintero's that bears one of these names must not be taken for what we mean by them.
_OWN_WORDS: Final = frozenset(str(topic) for topic in Topic)


@dataclass(frozen=True, slots=True)
class EventMatch:
    """What a snapshot's events meant.

    `state` knows them all. `tells_status` is True when one of the new ones tells the connection's new status;
    `ahead` is the status of the newest event where the connection has not taken it yet, else None.
    """

    state: ConnectionState
    changes: tuple[Change, ...]
    tells_status: bool
    ahead: str | None


def match_events(
    state: ConnectionState, snapshot: ConnectionSnapshot, new_status: str | None, now: datetime
) -> EventMatch:
    """Match a snapshot's events with the known ones, oldest first.

    `state` already has the snapshot's case. `new_status` is the connection's status if it is new and no event
    told it ahead, else None: the first new event with that status tells it.
    """
    ledger = _Ledger(state, snapshot, new_status, now)
    for event in sorted(snapshot.events, key=lambda one: one.created_at or _LAST):
        ledger.enter(event)
    return ledger.close()


def owe_event(case: Case, status: str) -> str:
    """Return the entry of `bare` for a status that a case was told to have before an event came for it."""
    return f"{case.ordinal} {status}"


def is_beginning(case: Case | None, events: Iterable[KnownEvent], bare: Iterable[str]) -> bool:
    """Whether a case has asked for nothing yet, and has been nothing but pending."""
    if case is None or case.asked_at is not None:
        return False
    pending, own = owe_event(case, PENDING), owe_event(case, "")
    has_moved = any(one.case_id == case.case_id and one.status not in {None, PENDING} for one in events)
    return not has_moved and not any(entry.startswith(own) and entry != pending for entry in bare)


def _identify(event: Event) -> str:
    return digest_event(event) if event.event_id is None else event.event_id


class _Ledger:
    """The known events of one connection while a snapshot's are entered."""

    def __init__(
        self, state: ConnectionState, snapshot: ConnectionSnapshot, new_status: str | None, now: datetime
    ) -> None:
        self._state = state
        self._status = snapshot.status if snapshot.status is not None else state.status
        self._awaited = new_status
        self._tells_status = False
        self._ahead = state.ahead if new_status is None and state.ahead != self._status else None
        self._bare = list(state.bare)
        self._now = now
        self._events: list[KnownEvent] = []
        self._by_id: dict[str, int] = {}
        self._by_digest: dict[str, list[int]] = {}
        self._newest_at: datetime | None = None
        self._changes: list[Change] = []
        self._shown = {(_identify(one), digest_link(one.link)) for one in snapshot.events}
        for known in state.events:
            self._keep(known)
        self._known_before = len(self._events)
        self._begins = self._is_beginning = is_beginning(state.case, state.events, state.bare)

    def enter(self, event: Event) -> None:
        """Enter one event: known, known under another name, with another link, or new."""
        digest = digest_event(event)
        position = self._find(event, digest)
        if position is None:
            self._add(event, digest)
        else:
            self._meet(position, event)

    def close(self) -> EventMatch:
        """Return what was entered."""
        state = replace(self._state, events=tuple(self._events), bare=tuple(self._bare))
        return EventMatch(state, tuple(self._changes), self._tells_status, self._ahead)

    def _keep(self, known: KnownEvent) -> None:
        position = len(self._events)
        self._events.append(known)
        if known.event_id is not None:
            self._by_id.setdefault(known.event_id, position)
        self._by_digest.setdefault(known.digest, []).append(position)
        if self._is_newest(known):
            self._newest_at = known.created_at or self._newest_at

    def _find(self, event: Event, digest: str) -> int | None:
        if event.event_id is not None and event.event_id in self._by_id:
            return self._by_id[event.event_id]
        link = digest_link(event.link)
        aliases = [
            position
            for position in self._by_digest.get(digest, ())
            if event.event_id is None or self._events[position].event_id is None
        ]
        same = (position for position in aliases if self._events[position].link_digest == link)
        return next(same, aliases[0] if aliases else None)

    def _meet(self, position: int, event: Event) -> None:
        known = self._events[position]
        if known.event_id is None and event.event_id is not None:
            known = replace(known, event_id=event.event_id)
            self._by_id[event.event_id] = position
        digest = digest_link(event.link)
        if event.link is not None and digest != known.link_digest and not self._is_repeated(position):
            link, version = self._keep_link(event, known.case_id), known.link_version + 1
            known = replace(known, link=link, link_digest=digest, link_version=version)
            self._ask(known)
            self._changes.append(self._report_link(known))
        elif known.link is None and digest == known.link_digest:
            # Erased, and needed again; or encrypted with a key that is lost. Nobody is told about it.
            known = replace(known, link=self._keep_link(event, known.case_id))
        self._events[position] = known

    def _is_repeated(self, position: int) -> bool:
        """Whether the snapshot also shows the event with the link that it was known by."""
        known = self._events[position]
        names = {known.event_id, known.digest} if known.link_digest else set()
        is_shown = any((name, known.link_digest) in self._shown for name in names)
        return is_shown and position < self._known_before

    def _add(self, event: Event, digest: str) -> None:
        case = find_case(self._state, event.created_at)
        if case is None:
            raise AssertionError("the state has no case for the event: follow_case comes first")
        known = self._know(event, digest, case)
        topic = self._name_topic(event)
        self._keep(known)
        self._ask(known)
        is_current = self._is_current(known)
        if is_current and known.status not in {None, PENDING}:
            self._is_beginning = False
        is_awaited = is_current and known.status is not None and known.status == self._awaited
        if is_awaited:
            self._awaited, self._tells_status = None, True
        owed = None if is_awaited else self._find_owed(event, case)
        if owed is not None:
            self._bare.remove(owed)
        if is_current:
            self._look_ahead(known, is_folded=owed is not None)
        self._changes.append(self._report(known, topic, is_folded=owed is not None))

    def _know(self, event: Event, digest: str, case: Case) -> KnownEvent:
        return KnownEvent(
            event_key=name_event(self._state.key, event),
            case_id=case.case_id,
            event_id=event.event_id,
            digest=digest,
            status=event.recorded_status,
            name=event.name,
            created_at=event.created_at,
            seen_at=self._now,
            description=event.description,
            link=self._keep_link(event, case.case_id),
            link_digest=digest_link(event.link),
            link_version=0 if event.link is None else 1,
        )

    def _find_owed(self, event: Event, case: Case) -> str | None:
        """Return the entry of `bare` that an event came late for, None where it says something of its own.

        Without dates nobody knows to which case an event belongs, so that it may be an earlier one's.
        """
        status = event.recorded_status
        says_more = event.name not in {"", status} and status not in TERMINAL_STATUSES
        if status is None or says_more or event.asks_for_signature:
            return None
        is_dated = event.created_at is not None and case.signup_created_at is not None
        exact = owe_event(case, status)
        if is_dated or exact in self._bare:
            return exact if exact in self._bare else None
        return next((entry for entry in reversed(self._bare) if entry.partition(" ")[2] == status), None)

    def _look_ahead(self, known: KnownEvent, *, is_folded: bool) -> None:
        """Remember the status of the newest event while the connection has another one.

        Where the connection's own status may still get its event, one of another status may be older than
        that; but nothing is older than the pending status that an application begins with. A request for a
        signature that comes after an end offers no link, so that the status which makes it valid is told too.
        """
        case = self._state.case
        if case is None or known.status is None or not self._is_newest(known):
            return
        is_owed = self._awaited is not None or owe_event(case, self._status or "") in self._bare
        if self._status == PENDING:
            is_owed = self._awaited is not None and not self._begins
        is_doubtful = known.created_at is None or known.has_link or known.name == SIGNATURE_REQUIRED
        if known.status == self._status:
            self._ahead = None
        elif is_folded or is_owed:
            return
        elif not (is_doubtful and self._status in TERMINAL_STATUSES):
            self._ahead = known.status

    def _is_newest(self, known: KnownEvent) -> bool:
        is_newest = known.created_at is None or self._newest_at is None or known.created_at >= self._newest_at
        return is_newest and self._is_current(known)

    def _keep_link(self, event: Event, case_id: str) -> SignatureLink | None:
        """Return an event's link if somebody can still sign with it: no other is ever stored."""
        case = self._state.case
        if case is None or case.case_id != case_id or is_over(case, self._status, self._now):
            return None
        return event.link

    def _is_current(self, known: KnownEvent) -> bool:
        return self._state.case is not None and known.case_id == self._state.case.case_id

    def _ask(self, known: KnownEvent) -> None:
        """Remember that the case waits for a signature."""
        case = self._state.case
        asks = known.name == SIGNATURE_REQUIRED or known.link_digest
        if case is not None and case.asked_at is None and asks and self._is_current(known):
            self._state = replace(self._state, case=replace(case, asked_at=known.created_at or known.seen_at))
            self._is_beginning = False

    def _name_topic(self, event: Event) -> str:
        if event.name in _OWN_WORDS:
            return Topic.STATUS_CHANGED
        if event.name and event.name != PENDING:
            return event.name
        if event.asks_for_signature:
            return SIGNATURE_REQUIRED
        is_application = event.recorded_status == PENDING and self._is_beginning
        return Topic.APPLIED if is_application else Topic.STATUS_CHANGED

    def _report(self, known: KnownEvent, topic: str, *, is_folded: bool) -> Change:
        return Change(
            change_id=name_of("event", known.event_key),
            topic=topic,
            key=self._state.key,
            case_id=known.case_id,
            status=known.status,
            seen_at=self._now,
            reason=Reason.TOLD_BY_STATUS if is_folded else Reason.NEW_EVENT,
            is_told=not is_folded,
            at=known.created_at,
            event_key=known.event_key,
        )

    def _report_link(self, known: KnownEvent) -> Change:
        is_of_use = self._is_current(known) and self._status not in TERMINAL_STATUSES
        return Change(
            change_id=name_of("link", known.event_key, str(known.link_version)),
            topic=Topic.LINK_REPLACED,
            key=self._state.key,
            case_id=known.case_id,
            status=self._status,
            seen_at=self._now,
            reason=Reason.LINK_CHANGED if is_of_use else Reason.LINK_OF_NO_USE,
            is_told=is_of_use,
            event_key=known.event_key,
            detail="added" if known.link_version == 1 else "",
        )
