"""Sends the weekly summary, once a week whenever it is looked at: also after a restart, and not twice."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from notifier.domain.delivery import Notification, Purpose
from notifier.domain.identity import name_of
from notifier.domain.plan import Directory
from notifier.domain.summary import Appointment, name_summary, summarise
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.summary")

LOOK_SECONDS: Final = 30.0


class Summaries:
    """Writes the summary for one receiver; `on_news` is called when one is to be sent."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        directory: Directory,
        receiver: str,
        appointment: Appointment,
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory
        self._receiver = receiver
        self._appointment = appointment
        self._on_news = on_news
        self._done_at: datetime | None = None

    async def tend(self) -> float:
        """Write the summary when it is due; return the seconds until the next look. Raises StoreError."""
        due_at = self._appointment.last_before(self._clock.now())
        if due_at != self._done_at:
            if await self._store.run(lambda books: self._write(books, due_at)):
                self._on_news()
                _log.info("summary", receiver=self._receiver)
            self._done_at = due_at
        return LOOK_SECONDS

    def _write(self, books: Books, due_at: datetime) -> bool:
        """Enqueue the summary of the week that ended then, unless there is one, or nothing was known yet."""
        notice_id = name_summary(due_at, self._appointment.zone)
        began_at = books.find_beginning()
        if began_at is None or began_at > due_at or books.notices.load(notice_id) is not None:
            return False
        since, until = self._appointment.week_before(due_at)
        notice = summarise(books.load_week(since, until), since, until, notice_id)
        books.notices.save([notice])
        destination = self._directory.destinations[self._receiver]
        notification = Notification(
            notification_id=name_of("notification", notice_id, destination),
            change_id=notice_id,
            case_id=notice_id,
            receiver=self._receiver,
            destination=destination,
            topic=notice.kind,
            purpose=Purpose.NOTICE,
        )
        return bool(books.outbox.enqueue([notification], self._clock.now()))
