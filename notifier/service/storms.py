"""The storm guard at work: lets cards pass, lets them wait, or puts them into one digest."""

from collections.abc import Iterator
from datetime import datetime

import structlog

from notifier.domain.cards import Card
from notifier.domain.delivery import Claim, Notification, Purpose
from notifier.domain.digest import CASES_A_PAGE, CaseRef, sort_by_urgency
from notifier.domain.identity import name_of
from notifier.domain.notices import Notice, NoticeKind
from notifier.domain.storm import MOST_IN_DIGEST, Decision, Passage, StormGuard, decide
from notifier.service.ports import Books

_log = structlog.get_logger("notifier.delivery")


class Storms:
    """Guards the destinations that people read."""

    def __init__(self, guard: StormGuard) -> None:
        self._guard = guard

    def lets_pass(self, books: Books, claim: Claim, now: datetime) -> bool:
        """Whether a card may leave by itself now; otherwise its claim is given back, or part of a digest."""
        if not self._guard.cards:
            return True
        destination = claim.notification.destination
        posted = books.digests.list_posted(destination, now - self._guard.window, self._guard.cards)
        most = self._guard.cards
        if len(posted) < most and len(books.digests.list_waiting(destination, most)) < most:
            # With this one they are not too many, whatever they are: nearly always.
            return True
        books.outbox.put_back(claim)
        waiting = books.digests.list_waiting(destination, MOST_IN_DIGEST)
        decision = decide(self._guard, posted, [one.since for one in waiting], now)
        listed = {one.ref.case_id for one in waiting}
        # One that is not listed passes, unless it is only behind the longest list.
        is_listed = claim.notification.case_id in listed or len(listed) == MOST_IN_DIGEST
        if decision.passage is Passage.SINGLE or not is_listed:
            books.outbox.take_again(claim)
            return True
        self._keep_back(books, claim.notification, [one.ref for one in waiting], decision, now)
        return False

    def lets_show(self, books: Books, claim: Claim, now: datetime) -> bool:
        """Whether a reply that only time has made may be shown in the channel too: not where many are."""
        if not self._guard.cards:
            return True
        since = now - self._guard.window
        shown = books.digests.count_replies(claim.notification.destination, claim.notification.topic, since)
        return shown < self._guard.cards

    def _keep_back(
        self, books: Books, first: Notification, refs: list[CaseRef], decision: Decision, now: datetime
    ) -> None:
        cases = [ref.case_id for ref in refs]
        if decision.passage is Passage.WAIT and decision.until is not None:
            books.digests.postpone(first.destination, decision.until)
            return
        accounts = books.load_accounts({ref.key.account_id for ref in refs})
        ordered = sort_by_urgency(refs, accounts, now)
        digest_id = name_of("digest", first.notification_id, first.destination, now.isoformat())
        notices = list(_make_notices(digest_id, ordered, now))
        books.notices.save(notices)
        books.digests.absorb(first.destination, cases, digest_id, now)
        books.cards.open([Card(digest_id, first.destination, first.receiver, first.rule, now)])
        books.outbox.enqueue(
            [_notify(one, digest_id, first) for one in notices],
            now,
        )
        _log.warning("many at once: told in one digest", receiver=first.receiver, cases=len(refs))


def _make_notices(digest_id: str, refs: list[CaseRef], now: datetime) -> Iterator[Notice]:
    listed = [[ref.key.account_id, ref.key.name, ref.case_id] for ref in refs]
    yield Notice(digest_id, NoticeKind.DIGEST, digest_id, now, {"cases": listed})
    pages = [listed[start : start + CASES_A_PAGE] for start in range(0, len(listed), CASES_A_PAGE)]
    for number, cases in enumerate(pages, start=1):
        page_id = name_of("digest-page", digest_id, str(number))
        body = {"cases": cases, "number": number, "of": len(pages)}
        yield Notice(page_id, NoticeKind.DIGEST_PAGE, digest_id, now, body)


def _notify(notice: Notice, digest_id: str, first: Notification) -> Notification:
    return Notification(
        notification_id=notice.notice_id,
        change_id=notice.notice_id,
        case_id=digest_id,
        receiver=first.receiver,
        destination=first.destination,
        topic=notice.kind,
        purpose=Purpose.NOTICE,
        rule=first.rule,
    )
