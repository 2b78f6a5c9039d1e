"""Ends what was quiet: when a silence or an interval is over, what is true by then is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from notifier.domain.cards import Card
from notifier.domain.change import Change, Reason, Topic
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.model import ConnectionKey
from notifier.domain.notices import Notice, NoticeKind
from notifier.domain.plan import Directory
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

    async def tend(self) -> float:
        """Tell what may be told again; return the seconds until the next look."""
        count = await self._store.run(self._look)
        if count:
            self._on_news()
        return LOOK_SECONDS

    def _look(self, books: Books) -> int:
        now = self._clock.now()
        return self._announce(books, now) + self._release(books, now)

    def _release(self, books: Books, now: datetime) -> int:
        """Let the newest of what is kept back of a case go; it tells the present state."""
        kept = books.outbox.list_muted(MOST_A_LOOK)
        guide = self._planner.guide(books, now) if kept else None
        count = 0
        for one in kept:
            dossier = books.load_dossier(one.change_id, None, one.case_id)
            if guide is None or guide.quiet is None or dossier is None:
                continue
            match = guide.find_match(one.rule)
            if not guide.quiet.find_reason(dossier.change, dossier.account, match):
                books.outbox.release_muted(one, now)
                count += 1
        return count

    def _announce(self, books: Books, now: datetime) -> int:
        """Say of each silence when it begins, and when it ends; each is said once."""
        count = 0
        for silence, is_end in books.list_unannounced(now):
            where = self._find_audience(books, silence)
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

    def _find_audience(self, books: Books, silence: Silence) -> dict[str, str]:
        """Return the channels in which cases stand that the silence is about; those of sales without any."""
        about = tuple(one for one in silence.matchers if one.name in _ABOUT_WHOM)
        trial = Silence(silence.silence_id, about, "", "", *([silence.created_at] * 3)) if about else silence
        found = {
            card.destination: card.receiver
            for card, account, key in books.list_open_cards(MOST_A_LOOK)
            if self._directory.destinations.get(card.receiver) == card.destination
            and self._directory.find_traits(card.destination).is_read_by_people
            and (not about or trial.matches(_make_trial(card.case_id, key, trial.created_at), account))
        }
        if found:
            return found
        name = self._directory.aliases.get(SALES) or next(iter(self._directory.destinations))
        return {self._directory.destinations[name]: name}


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
