"""A PostgreSQL that was restored from a dump, as docs/operations.md says."""

import re
from pathlib import Path

from notifier.domain.delivery import DeliveryState
from notifier.store.postgres import PostgresStore
from notifier.store.report import list_letters, read_status
from tests.fakes import FakeClock
from tests.integration.test_postgres import enqueue, make_notification
from tests.postgres import Cluster

DOCUMENT = Path(__file__).parents[2] / "docs/operations.md"


def read_statement() -> str:
    """Return the statement of the document."""
    (statement,) = re.findall(r"INSERT INTO restored .*?;", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return str(statement)


def test_the_documented_mark_puts_what_is_unsent_in_doubt(postgres: Cluster, postgres_url: str) -> None:
    """After the documented statement, what the dump believes unsent must be looked for before it is sent."""
    now, statement = FakeClock().now(), read_statement()
    with PostgresStore(postgres_url) as store:
        store.open()
        store.run_now(enqueue(make_notification("n")))
        postgres.execute(statement, postgres_url)
        taken_at = store.run_now(lambda books: books.take_over_copy(now, now))
        assert taken_at is not None
        assert taken_at.isoformat() == "2026-11-22T12:00:00+00:00"
        assert store.read_now(read_status).restored_from == taken_at
        (letter,) = store.read_now(lambda one: list_letters(one, (DeliveryState.DUE,)))
        claim = store.run_now(lambda books: books.outbox.claim(letter.receiver and "d1", now, now))
        assert claim is not None
        assert claim.is_repeat


def test_a_backup_from_before_another_was_looked_through(postgres: Cluster, postgres_url: str) -> None:
    """What the second dump believes unsent must be in doubt too, and all of it since the first one."""
    now, statement = FakeClock().now(), read_statement()
    with PostgresStore(postgres_url) as store:
        store.open()
        postgres.execute(statement, postgres_url)
        first = store.run_now(lambda books: books.take_over_copy(now, now))
        store.run_now(enqueue(make_notification("n")))
        postgres.execute("UPDATE outbox SET is_repeat = false, doubt_since = NULL", postgres_url)
        postgres.execute(statement.replace("2026-11-22 12:00", "2026-11-22 15:00"), postgres_url)
        assert store.run_now(lambda books: books.take_over_copy(now, now)) == first
        claim = store.run_now(lambda books: books.outbox.claim("d1", now, now))
        assert claim is not None
        assert claim.is_repeat
