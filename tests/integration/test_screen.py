"""What `notifier status` and `notifier outbox list` show of messages that no change stands behind."""

import json
from datetime import timedelta

from notifier.domain.delivery import DeliveryState, Notification, Purpose
from notifier.domain.notices import Incident, Notice, NoticeKind
from notifier.screen import draw_letters, draw_status, dump_status
from notifier.service.ports import Books
from notifier.store import tables
from notifier.store.database import Database
from notifier.store.report import UNSENT, list_letters, read_status
from tests.fakes import NOW

HOUR = timedelta(hours=1)


def _notify(name: str, purpose: Purpose = Purpose.NOTICE, muted_by: str = "") -> Notification:
    return Notification(name, name, name, "sales", "there", "digest", purpose, muted_by=muted_by)


async def test_messages_of_notices_are_listed(database: Database) -> None:
    """A digest has no change and no account, and must be shown all the same."""

    def job(books: Books) -> None:
        books.notices.save([Notice("one", NoticeKind.DIGEST, "one", NOW)])
        books.outbox.enqueue([_notify("one")], NOW)

    await database.run(job)
    letters = database.read_now(lambda connection: list_letters(connection, (DeliveryState.DUE,)))
    assert draw_letters(letters) == "one  due  digest for sales, 0 attempts: not tried yet"


async def test_what_is_kept_back_is_counted_and_listed(database: Database) -> None:
    """Messages that a silence keeps back must not look as if they did not exist."""

    def job(books: Books) -> None:
        books.outbox.enqueue([_notify("one", muted_by="silence s1"), _notify("two")], NOW)
        claim = books.outbox.claim("there", NOW, NOW)
        assert claim is not None
        books.outbox.record_covered(claim, NOW)

    await database.run(job)
    shown = draw_status(database.read_now(read_status), NOW)
    assert "1 kept back by a silence or an interval" in shown
    assert "1 told by another message, or needed no more" in shown
    letters = database.read_now(lambda connection: list_letters(connection, UNSENT))
    assert [letter.state for letter in letters] == ["muted"]


async def test_open_incidents_and_silences_in_force_are_shown(database: Database) -> None:
    """What is wrong and what is silenced now must be shown, and nothing that is over or still to come."""
    over = Incident("i2", "unreadable", "old", "It was down.", NOW - HOUR, NOW)

    def job(books: Books) -> None:
        books.notices.save_incident(Incident("i1", "unreadable", "P1", "Dintero is down.", NOW - HOUR))
        books.notices.save_incident(over)

    await database.run(job)
    silences = [
        ("now", NOW - HOUR, NOW + HOUR),
        ("past", NOW - HOUR, NOW),
        ("next", NOW + HOUR, NOW + 2 * HOUR),
    ]
    rows = [
        {
            "silence_id": name,
            "matchers": ['merchant="Fjordbris"'],
            "author": "ann\x1b[2J",
            "comment": "known",
            "created_at": NOW,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        for name, starts_at, ends_at in silences
    ]
    with database._require_engine().begin() as connection:
        connection.execute(tables.silences.insert(), rows)
    report = database.read_now(read_status)
    shown = draw_status(report, NOW).splitlines()
    assert [line for line in shown if line.startswith("trouble")] == [
        "trouble    P1, for 1 h: Dintero is down."
    ]
    (silence,) = [line for line in shown if line.startswith("silence")]
    assert "now (merchant" in silence
    assert silence.endswith("for another 1 h: ann [2J, known")
    dumped = json.loads(dump_status(report, NOW))
    assert [one["silence_id"] for one in dumped["silences"]] == ["now"]
    assert [one["subject"] for one in dumped["incidents"]] == ["P1"]
