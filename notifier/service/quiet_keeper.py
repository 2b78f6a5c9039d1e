"""Ends what was quiet: when a silence or an interval is over, what is true by then is told."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.notices import Notice, NoticeKind
from notifier.domain.plan import Directory, Guide
from notifier.domain.quiet import Kept
from notifier.domain.routes import SALES
from notifier.domain.silences import Silence
from notifier.service.planner import Planner
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.silences")

LOOK_SECONDS: Final = 15.0
MOST_A_LOOK: Final = 500
_ABOUT_WHOM: Final = frozenset({"account", "merchant", "connection", "livemode", "case"})


class QuietKeeper:
    """Looks at what is kept back; `on_news` is called when something is to be sent."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        planner: Planner,
        directory: Directory,
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._directory = directory
        self._on_news = on_news
        self._audience = {
            name: destination
            for name, destination in directory.destinations.items()
            if directory.find_traits(destination).is_read_by_people
        }

    async def tend(self) -> float:
        """Tell what may be told again; return the seconds until the next look."""
        count = await self._store.run(self._announce)
        before: int | None = None
        while True:
            released, before = await self._store.run(partial(self._release, before=before))
            count += released
            if before is None:
                break
        if count:
            self._on_news()
        return LOOK_SECONDS

    def _release(self, books: Books, *, before: int | None) -> tuple[int, int | None]:
        """Let go, of the next that is kept back, what is not quiet any more; return where to go on.

        The newest of a case stands for what is older: it tells the present state.
        """
        now = self._clock.now()
        kept = books.outbox.list_muted(before, MOST_A_LOOK)
        if not kept:
            return 0, None
        guide = self._planner.guide(books, now)
        released: set[tuple[str, str]] = set()
        for one in kept:
            place = one.notification.case_id, one.notification.destination
            if place not in released and not self._is_quiet(guide, one):
                books.outbox.release_muted(one, now)
                released.add(place)
        return len(released), kept[-1].seq if len(kept) == MOST_A_LOOK else None

    @staticmethod
    def _is_quiet(guide: Guide, one: Kept) -> bool:
        match = guide.find_match(one.notification.rule)
        return guide.quiet is not None and bool(guide.quiet.find_reason(one.change, one.account, match))

    def _announce(self, books: Books) -> int:
        """Say of each silence when it begins, and when it ends; each is said once."""
        now, count = self._clock.now(), 0
        for silence, is_end in books.list_unannounced(now):
            where = self._find_audience(books, silence, now)
            notice = _make_notice(silence, now, is_end=is_end)
            books.notices.save([notice])
            books.cards.open(
                [Card(silence.silence_id, place, name, "", now) for place, name in where.items()]
            )
            count += books.outbox.enqueue(
                [
                    Notification(
                        notification_id=name_of("notification", notice.notice_id, place),
                        change_id=notice.notice_id,
                        case_id=silence.silence_id,
                        receiver=name,
                        destination=place,
                        topic=notice.kind,
                        purpose=Purpose.NOTICE,
                    )
                    for place, name in where.items()
                ],
                now,
            )
            books.mark_announced(silence.silence_id, now, is_end=is_end)
            _log.info("silence ended" if is_end else "silence begun", silence=silence.silence_id)
        return count

    def _find_audience(self, books: Books, silence: Silence, now: datetime) -> dict[str, str]:
        """Return the channels in which cases stand that the silence is about; those of sales without any."""
        about = tuple(one for one in silence.matchers if one.name in _ABOUT_WHOM)
        trial = Silence(silence.silence_id, about, "", "", *([silence.created_at] * 3)) if about else silence
        found: dict[str, str] = {}
        for card, account, key in self._list_cards(books, now):
            if card.destination in found:
                continue
            change = _make_trial(card.case_id, key, trial.created_at)
            if not about or trial.matches(change, account):
                found[card.destination] = card.receiver
                if len(found) == len(set(self._audience.values())):
                    break
        if found:
            return found
        name = self._directory.aliases.get(SALES) or next(iter(self._directory.destinations))
        return {self._directory.destinations[name]: name}

    def _list_cards(self, books: Books, now: datetime) -> Iterator[tuple[Card, Account, ConnectionKey]]:
        """Give all cards before people's eyes whose cases are still waited for."""
        after: Card | None = None
        while True:
            page = books.list_waiting_cards(now, after, MOST_A_LOOK)
            for card, account, key in page:
                if self._audience.get(card.receiver) == card.destination:
                    yield card, account, key
            if len(page) < MOST_A_LOOK:
                return
            after = page[-1][0]


def _make_notice(silence: Silence, now: datetime, *, is_end: bool) -> Notice:
    kind = NoticeKind.SILENCE_ENDED if is_end else NoticeKind.SILENCE_BEGUN
    facts = [["What", " ".join(map(str, silence.matchers))], ["By", silence.author], ["Why", silence.comment]]
    body = {
        "headline": "A silence has ended" if is_end else "A silence has begun",
        "advice": "What is true by now is told, where something has changed meanwhile."
        if is_end
        else "What it is about is kept back until it ends; cards are kept up to date.",
        "facts": [one for one in facts if one[1]],
        "moments": [["Ended", now.isoformat()]] if is_end else [["Until", silence.ends_at.isoformat()]],
    }
    return Notice(name_of(kind, silence.silence_id), kind, silence.silence_id, now, body)


def _make_trial(case_id: str, key: ConnectionKey, now: datetime) -> Change:
    return Change("", Topic.REMINDER, key, case_id, None, now, Reason.STILL_UNSIGNED, is_told=True)
