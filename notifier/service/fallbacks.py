"""While a receiver fails for long, what is for it goes to its fallbacks too; it is told of that later."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.blindness import TroubleKind, is_due, name_receiver
from notifier.domain.cards import Card
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.notices import Incident, Notice, NoticeKind
from notifier.domain.plan import Directory
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.fallback")

LONGEST_LOOK_SECONDS: Final = 15.0
SHORTEST_LOOK_SECONDS: Final = 0.1
MOST_A_LOOK: Final = 500
"""So many notifications go elsewhere in one transaction."""
_NEVER_ELSEWHERE: Final = frozenset({NoticeKind.RECOVERED})


class Fallbacks:
    """Looks after the receivers that have fallbacks; `on_news` is called when something is to be sent.

    `fallbacks` maps the name of a receiver to those of its fallbacks. That a receiver's messages go elsewhere
    is kept as an incident, which outlives a restart and is told to nobody.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        directory: Directory,
        fallbacks: Mapping[str, tuple[str, ...]],
        after: timedelta,
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory
        self._fallbacks = fallbacks
        self._after = after
        self._on_news = on_news
        self._passed_on: dict[str, set[str]] = {}

    async def tend(self) -> float:
        """Look once; return the seconds until the next look. Raises StoreError."""
        passed_on, count = await self._store.run(self._look)
        self._passed_on = passed_on
        if count:
            self._on_news()
        seconds = self._after.total_seconds() / 10
        return min(LONGEST_LOOK_SECONDS, max(SHORTEST_LOOK_SECONDS, seconds))

    def _look(self, books: Books) -> tuple[dict[str, set[str]], int]:
        """Return what has been passed on so far of each receiver that fails, and how much is to be sent."""
        now = self._clock.now()
        failing = books.troubles.list_failing()
        incidents = {
            one.subject: one
            for one in books.notices.list_open_incidents()
            if one.kind == TroubleKind.FALLBACK
        }
        passed_on: dict[str, set[str]] = {}
        count = 0
        for receiver in self._fallbacks:
            since, incident = failing.get(receiver), incidents.pop(_name_incident(receiver), None)
            if since is None:
                count += 0 if incident is None else self._end(books, receiver, incident, now)
            elif incident is not None or is_due(since, self._after, now):
                if incident is None:
                    self._begin(books, receiver, since, now)
                known = self._passed_on.get(receiver, set())
                passed_on[receiver] = known | self._pass_on(books, receiver, known, now)
                count += len(passed_on[receiver]) - len(known)
        for incident in incidents.values():  # Its receiver has no fallback any more.
            books.notices.save_incident(replace(incident, ended_at=now))
        return passed_on, count

    def _begin(self, books: Books, receiver: str, since: datetime, now: datetime) -> None:
        names = ", ".join(self._fallbacks[receiver])
        sentence = f"What is for {receiver} also goes to {names}, because it takes nothing"
        subject = _name_incident(receiver)
        incident_id = name_of("incident", subject, now.isoformat())
        incident = Incident(incident_id, TroubleKind.FALLBACK, subject, sentence, min(since, now))
        books.notices.save_incident(incident)
        _log.warning("messages go to the fallbacks too", receiver=receiver, fallbacks=names)

    def _pass_on(self, books: Books, receiver: str, known: set[str], now: datetime) -> set[str]:
        unsettled = [
            one
            for one in books.troubles.list_unsettled(receiver)
            if one.notification_id not in known and one.topic not in _NEVER_ELSEWHERE
        ][:MOST_A_LOOK]
        for one in unsettled:
            has_card = books.cards.find(one.case_id, one.destination) is not None
            others = list(self._find_others(one, receiver))
            if has_card:
                books.cards.open(
                    [Card(one.case_id, to.destination, to.receiver, to.rule, now) for to in others]
                )
            books.outbox.enqueue(others, now)
        return {one.notification_id for one in unsettled}

    def _find_others(self, one: Notification, receiver: str) -> Iterator[Notification]:
        """Return the same notification for each fallback, under the id that it has there in any case."""
        for name in self._fallbacks[receiver]:
            destination = self._directory.destinations[name]
            if destination != one.destination:
                yield replace(
                    one,
                    notification_id=name_of("notification", one.change_id, destination),
                    receiver=name,
                    destination=destination,
                    rule=_name_rule(receiver),
                )

    def _end(self, books: Books, receiver: str, incident: Incident, now: datetime) -> int:
        """Tell a receiver that works again, in one line, what others have had meanwhile."""
        books.notices.save_incident(replace(incident, ended_at=now))
        _log.info("messages go to the receiver alone again", receiver=receiver)
        counts = books.troubles.count_by_rule(_name_rule(receiver), incident.opened_at)
        destination = self._directory.destinations[receiver]
        if not counts or not self._directory.find_traits(destination).is_read_by_people:
            return 0
        notice = _make_notice(incident, counts, now)
        books.notices.save([notice])
        notification = Notification(
            notification_id=name_of("notification", notice.notice_id, destination),
            change_id=notice.notice_id,
            case_id=notice.notice_id,
            receiver=receiver,
            destination=destination,
            topic=notice.kind,
            purpose=Purpose.NOTICE,
        )
        return books.outbox.enqueue([notification], now)


def _make_notice(incident: Incident, counts: Mapping[str, int], now: datetime) -> Notice:
    notice_id = name_of("recovered", incident.incident_id)
    told = ", ".join(f"{count} to {name}" for name, count in counts.items())
    total = sum(counts.values())
    what = "1 message" if total == 1 else f"{total} messages"
    body = {
        "headline": f"While nothing could be posted here, {what} also went elsewhere: {told}",
        "moments": [["Since", incident.opened_at.isoformat()], ["Until", now.isoformat()]],
    }
    return Notice(notice_id, NoticeKind.RECOVERED, notice_id, now, body)


def _name_incident(receiver: str) -> str:
    return f"fallback of {name_receiver(receiver)}"


def _name_rule(receiver: str) -> str:
    return f"fallback of {receiver}"
