"""Tells on-call what the notifier cannot do: once when it begins, then in place, once when it is over."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.blindness import (
    VANISHED_WITHIN,
    Outlook,
    Step,
    TroubleKind,
    name_receiver,
    review,
)
from notifier.domain.cards import Card
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.notices import Incident, Notice, NoticeKind
from notifier.domain.plan import Directory
from notifier.domain.watch import PartnerTarget, Target
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.alarms")

ONCALL: Final = "oncall"
LONGEST_LOOK_SECONDS: Final = 15.0
SHORTEST_LOOK_SECONDS: Final = 0.1
LONGEST_CALM: Final = timedelta(minutes=5)
"""A card is brought up to date no more often than that, whatever the sentence says."""


class Blindness:
    """Looks at what does not work; `on_news` is called when something is to be sent."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        targets: Iterable[Target],
        directory: Directory,
        blind_after: timedelta,
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._targets = tuple(targets)
        self._walked = frozenset(one.source for one in self._targets if isinstance(one, PartnerTarget))
        self._directory = directory
        self._blind_after = blind_after
        self._on_news = on_news
        self._calm = min(LONGEST_CALM, blind_after / 2)
        self._said_at: dict[str, float] = {}

    async def tend(self) -> float:
        """Look once; return the seconds until the next look. Raises StoreError."""
        steps = await self._store.run(self._look)
        for step, incident in steps:
            say = _log.info if step is Step.ENDED else _log.error
            say(f"incident {step}", kind=incident.kind, subject=incident.subject, error=incident.sentence)
            self._said_at[incident.incident_id] = self._clock.monotonic()
            if step is Step.ENDED:
                del self._said_at[incident.incident_id]
        if steps:
            self._on_news()
        seconds = self._blind_after.total_seconds() / 10
        return min(LONGEST_LOOK_SECONDS, max(SHORTEST_LOOK_SECONDS, seconds))

    def _look(self, books: Books) -> list[tuple[Step, Incident]]:
        now = self._clock.now()
        opened = [one for one in books.notices.list_open_incidents() if one.kind != TroubleKind.FALLBACK]
        problems = books.troubles.list_problems()
        # Kept, the names of a hundred thousand targets would take more than all that is known of them.
        named = {str(target): target.source for target in self._targets} if problems else {}
        outlook = Outlook(
            named,
            self._walked,
            problems,
            books.troubles.list_holds(),
            books.troubles.list_losses(now - VANISHED_WITHIN),
        )
        steps = [one for one in review(outlook, opened, self._blind_after, now) if self._is_to_be_said(*one)]
        for step, incident in steps:
            books.notices.save_incident(incident)
            books.outbox.enqueue(list(self._tell(books, step, incident, now)), now)
        return steps

    def _is_to_be_said(self, step: Step, incident: Incident) -> bool:
        """Whether a card may be changed again already: an error's words may be others at every poll."""
        said_at = self._said_at.get(incident.incident_id)
        if step is not Step.CHANGED or said_at is None:
            return True
        return self._clock.monotonic() - said_at >= self._calm.total_seconds()

    def _tell(self, books: Books, step: Step, incident: Incident, now: datetime) -> Iterator[Notification]:
        opening = name_of("incident-opened", incident.incident_id)
        if step is Step.OPENED:
            books.notices.save([Notice(opening, NoticeKind.INCIDENT, incident.incident_id, now)])
            audience = self._find_audience(incident)
            books.cards.open(
                [Card(incident.incident_id, where, name, "", now) for where, name in audience.items()]
            )
            for where, name in audience.items():
                yield _notify(opening, incident, name, where)
            return
        ending = name_of("incident-ended", incident.incident_id)
        if step is Step.ENDED:
            books.notices.save([Notice(ending, NoticeKind.INCIDENT, incident.incident_id, now)])
        for card in books.cards.load_followers([incident.incident_id]).get(incident.incident_id, ()):
            if self._directory.destinations.get(card.receiver) != card.destination:
                continue
            if self._directory.find_traits(card.destination).has_threads:
                yield _update(opening, incident, card, now)
            if step is Step.ENDED:
                yield _notify(ending, incident, card.receiver, card.destination)

    def _find_audience(self, incident: Incident) -> dict[str, str]:
        """Return who is told, by destination: on-call, or all others where on-call cannot be told."""
        places = self._directory.destinations
        oncall = self._directory.aliases.get(ONCALL)
        chosen = [oncall] if oncall is not None else list(places)
        broken = {where for name, where in places.items() if incident.subject == name_receiver(name)}
        if all(places[name] in broken for name in chosen):
            chosen = list(places)
        audience: dict[str, str] = {}
        for name in chosen:
            if places[name] not in broken:
                audience.setdefault(places[name], name)
        if not audience:
            _log.error("there is nobody else to be told", subject=incident.subject)
        return audience


def _notify(notice_id: str, incident: Incident, receiver: str, destination: str) -> Notification:
    return Notification(
        notification_id=name_of("notification", notice_id, destination),
        change_id=notice_id,
        case_id=incident.incident_id,
        receiver=receiver,
        destination=destination,
        topic=NoticeKind.INCIDENT,
        purpose=Purpose.NOTICE,
    )


def _update(notice_id: str, incident: Incident, card: Card, now: datetime) -> Notification:
    return Notification(
        notification_id=name_of("update", notice_id, card.destination, now.isoformat()),
        change_id=notice_id,
        case_id=incident.incident_id,
        receiver=card.receiver,
        destination=card.destination,
        topic=NoticeKind.INCIDENT,
        purpose=Purpose.UPDATE,
        rule=card.rule,
    )
