"""Silences in the store."""

from datetime import timedelta

from sqlalchemy.dialects import sqlite

from notifier.domain.silences import Silence, read_matcher
from notifier.store import statements
from notifier.store.database import Database
from notifier.store.silences import add_silence, expire_silences, list_silences, on
from tests.fakes import NOW

HOUR = timedelta(hours=1)


def make_silence(name: str, start: int, end: int) -> Silence:
    """Return a silence by hours from now."""
    matchers = read_matcher("account!=P1*|T*"), read_matcher('merchant="Å / B"')
    return Silence(name, matchers, "ann", "why", NOW, NOW + start * HOUR, NOW + end * HOUR)


def keep(database: Database, silence: Silence) -> None:
    """Write a silence."""
    database.run_now(lambda books: on(books, lambda connection: add_silence(connection, silence)))


def expire(database: Database, *ids: str) -> int:
    """End silences now, and return how many."""
    return database.run_now(lambda books: on(books, lambda connection: expire_silences(connection, ids, NOW)))


def test_silences_come_back_as_they_went(database: Database) -> None:
    """What is written must be read again as it was, those that end first, first."""
    silences = [make_silence("b", 0, 5), make_silence("a", 1, 2), make_silence("c", -2, -1)]
    for one in silences:
        keep(database, one)
    read = database.read_now(list_silences)
    assert read == (silences[2], silences[1], silences[0])
    assert database.read_now(lambda connection: list_silences(connection, since=NOW)) == read[1:]


def test_only_what_has_not_ended_can_be_ended(database: Database) -> None:
    """An end must be counted once, and never move an earlier one; one to come must never begin."""
    for one in (make_silence("b", 0, 5), make_silence("a", 1, 2), make_silence("c", -2, -1)):
        keep(database, one)
    assert [expire(database, "a", "b", "c", "x") for _ in range(2)] == [2, 0]
    ends = {one.silence_id: one.ends_at for one in database.read_now(list_silences)}
    assert ends == {"a": NOW, "b": NOW, "c": NOW - HOUR}
    assert not any(one.is_active(NOW + 1.5 * HOUR) for one in database.read_now(list_silences))


def test_what_is_kept_back_is_found_without_a_look_at_the_whole_outbox(database: Database) -> None:
    """It is looked for every few seconds, and nearly always there is nothing."""
    sql = str(statements.MUTED.compile(dialect=sqlite.dialect()))
    plan = database.read_now(
        lambda connection: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (9, 9, 0)).fetchall()
    )
    assert "outbox_muted" in plan[0][3]
