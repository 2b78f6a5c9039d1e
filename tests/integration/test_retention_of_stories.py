"""What is told of a message goes with it; who follows a case never goes."""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from notifier.domain.cards import Card
from notifier.domain.delivery import Notification, Purpose
from notifier.domain.notices import Notice, NoticeKind
from notifier.service.ports import Books
from notifier.store import tables
from notifier.store.database import Database
from tests.fakes import NOW

LATER: Final = NOW + timedelta(days=91)
BEFORE: Final = LATER - timedelta(days=90)
TOLD: Final = Notification("told", "change", "case", "sales", "there", "enabled")
GIVEN_UP: Final = Notification("given-up", "change", "case-2", "sales", "there", "enabled")
NOTICED: Final = Notification("noticed", "told-notice", "case-3", "sales", "there", "digest", Purpose.NOTICE)
UNTOLD: Final = Notification("untold", "untold-notice", "case-4", "sales", "there", "digest", Purpose.NOTICE)


def _fill(books: Books) -> None:
    """Let two of four messages be delivered, and two wait for a decision."""
    for name in ("told-notice", "untold-notice"):
        books.notices.save([Notice(name, NoticeKind.DIGEST, name, NOW)])
    books.cards.open([Card(one.case_id, "there", "sales", "", NOW) for one in (TOLD, GIVEN_UP)])
    books.outbox.enqueue([TOLD, GIVEN_UP, NOTICED, UNTOLD], NOW)
    for _ in range(4):
        claim = books.outbox.claim("there", NOW, NOW)
        assert claim is not None
        books.outbox.record_retry(claim, NOW, now=NOW, is_repeat=False, error="not now")
        claim = books.outbox.claim("there", NOW, NOW)
        assert claim is not None
        is_last = claim.notification.notification_id in {"given-up", "untold"}
        if is_last:
            books.outbox.record_dead(claim, NOW, error_code="x", error="refused")
        else:
            books.outbox.record_covered(claim, NOW)


def _list(database: Database) -> dict[str, list[str]]:
    tried, noticed, cards = tables.attempts, tables.notices, tables.cards

    def job(connection: Connection) -> dict[str, list[str]]:
        return {
            "attempts": list(connection.execute(select(tried.c.notification_id).distinct()).scalars()),
            "notices": list(connection.execute(select(noticed.c.notice_id)).scalars()),
            "cards": list(connection.execute(select(cards.c.case_id)).scalars()),
        }

    return database.read_now(job)


async def test_attempts_and_notices_go_with_their_messages(database: Database) -> None:
    """What is old and settled must go with all that stands for it, and what waits for a decision stay."""
    await database.run(_fill)
    count = await database.run(lambda books: books.prune(BEFORE, 100))
    left = _list(database)
    assert count == 2 + 4 + 1
    assert sorted(left["attempts"]) == ["given-up", "untold"]
    assert left["notices"] == ["untold-notice"]


async def test_cards_stay_for_ever(database: Database) -> None:
    """A case whose messages were all forgotten must keep its card, or its next news would open another."""
    await database.run(_fill)
    await database.run(lambda books: books.prune(BEFORE, 100))
    query = select(func.count()).select_from(tables.outbox).where(tables.outbox.c.case_id == "case")
    assert database.read_now(lambda connection: connection.execute(query).scalar()) == 0
    assert sorted(_list(database)["cards"]) == ["case", "case-2"]


async def test_forgetting_comes_to_an_end(database: Database) -> None:
    """A batch at a time, everything old must go, and then nothing more be found."""
    await database.run(_fill)
    counts = [await database.run(lambda books: books.prune(BEFORE, 1)) for _ in range(8)]
    assert sum(counts) == 2 + 4 + 1
    assert counts[-1] == 0


async def test_what_is_young_stays(database: Database) -> None:
    """Nothing must go before its time."""
    await database.run(_fill)
    assert await database.run(lambda books: books.prune(NOW, 100)) == 0
