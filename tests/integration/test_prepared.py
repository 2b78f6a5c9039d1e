"""Prepared statements say, write and read the same as in SQLAlchemy's own way, on a file and on a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Select, func, insert, literal_column, select, update

from notifier.store import statements, tables
from notifier.store.database import Database
from notifier.store.opening import AnyStore
from notifier.store.postgres import PostgresStore
from notifier.store.prepared import Prepared, among

_T = TypeVar("_T")
NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
ROW: dict[str, Any] = {
    "account_id": "P10000001",
    "name": "vipps ' \u2028 ø",
    "source": "dintero",
    "first_seen_at": NOW,
    "status": None,
    "updated_at": NOW,
    "case_id": None,
    "bare": ["1 enabled", "ø"],
    "ahead": None,
    "transitions": 2**40 % 2**31,
    "gone_at": None,
    "unwatched_at": None,
}

_there = tables.connections
_INSERT = Prepared(insert(_there))
_READ = Prepared(select(_there).where(among(_there.c.account_id, "ids")).order_by(_there.c.account_id))
_MOVE = Prepared(
    update(_there)
    .where(among(_there.c.account_id, "ids"), _there.c.status.is_(None))
    .values(status="pending", transitions=_there.c.transitions + 1)
)
_SETTLED = Prepared(
    select(func.count().label("many")).select_from(_there).where(_there.c.status.in_(("enabled", "failed")))
)

ODD = (
    *("", "a", "a\x00b", "\x00", "\x01", "\x01b", "\x01a\x00", "\\u0000", '"'),
    *("\u2028", "👩‍👩‍👧‍👦", "é", "e\u0301", "\uffff"),
)


def _plain(store: AnyStore, query: Select[Any]) -> list[dict[str, Any]]:
    """Read in SQLAlchemy's own way."""
    return store.read_now(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def _do(store: AnyStore, run: Callable[[Connection, Any], _T], values: Any) -> _T:
    """Run a statement in a transaction of its own."""
    return store.run_now(lambda books: run(books._connection, values))


def _make_row(number: int) -> dict[str, Any]:
    return {**ROW, "account_id": f"P{10_000_000 + number}"}


def test_what_is_written_and_read_is_the_same(store: AnyStore) -> None:
    """Every type of column must come back as it was given, whichever way it went in and out."""
    rows = [_make_row(number) for number in range(3)]
    _do(store, _INSERT.run_many, rows)
    assert _plain(store, select(_there).order_by(_there.c.account_id)) == rows
    ids = [row["account_id"] for row in rows]
    read = _do(store, _READ.read, {"ids": ids})
    assert [dict(row) for row in read] == rows


def test_one_statement_serves_any_number_of_texts(store: AnyStore) -> None:
    """None, one and thousands of texts must be looked for by the same statement, hostile ones among them."""
    rows = [_make_row(number) for number in range(3)]
    _do(store, _INSERT.run_many, rows)
    hostile = ["'); DROP TABLE connections; --", '"]', "", "ø\u2028", "P%", "NULL"]
    for ids, found in (([], 0), (hostile, 0), ([rows[0]["account_id"], *hostile], 1)):
        assert len(_do(store, _READ.read, {"ids": ids})) == found
    many = [f"P{number}" for number in range(10_000_000, 10_005_000)]
    assert len(_do(store, _READ.read, {"ids": many})) == 3


def test_constants_of_a_statement_are_kept(store: AnyStore) -> None:
    """What stands in the statement, lists among it, must be part of every run, after the first one too."""
    _do(store, _INSERT.run, _make_row(1))
    _do(store, _INSERT.run, {**_make_row(2), "status": "failed"})
    for ids in (["P10000001"], ["P10000002"], ["P10000001", "P10000002"]):
        _do(store, _MOVE.run, {"ids": ids})
    assert [
        row["status"] for row in _plain(store, select(_there.c.status).order_by(_there.c.account_id))
    ] == [
        "pending",
        "failed",
    ]
    for _ in range(2):
        (row,) = _do(store, _SETTLED.read, {})
        assert row["many"] == 1


def test_changed_rows_are_counted(store: AnyStore) -> None:
    """Of rows that are there already an insert that keeps them must count none."""
    dialect = "postgresql" if isinstance(store, PostgresStore) else "sqlite"
    keeping = statements.upsert(_there, dialect, keeps=True)
    first, both = [_make_row(1)], [_make_row(1), _make_row(2)]
    assert _do(store, keeping.count, first) == 1
    assert _do(store, keeping.count, both) == 1


def test_a_failed_job_leaves_nothing(store: AnyStore) -> None:
    """What a prepared statement has written must go with the transaction, also the first of a connection."""

    def job(books: Any) -> None:
        _INSERT.run(books._connection, _make_row(1))
        raise ValueError("after the write")

    with pytest.raises(ValueError, match="after the write"):
        store.run_now(job)
    assert _plain(store, select(literal_column("1")).select_from(_there)) == []


def test_a_list_is_looked_for_by_an_index(file_store: Database) -> None:
    """SQLite must search the table for the texts of a list, and not read it as a whole."""
    _do(file_store, _READ.read, {"ids": []})
    direct = _READ._direct
    assert direct is not None
    query = f"EXPLAIN QUERY PLAN {direct.text}"
    plan = file_store.read_now(lambda connection: connection.exec_driver_sql(query, ("[]",)).all())
    assert any("SEARCH connections USING INDEX" in str(row) for row in plan), plan


@pytest.mark.parametrize("text", ODD)
def test_any_text_is_found_among_others(file_store: Database, text: str) -> None:
    """A text must be found by a list that it is in, whatever it holds, and by no other list."""
    _do(file_store, _INSERT.run_many, [{**ROW, "account_id": one} for one in ODD])

    def find(texts: set[str]) -> set[str]:
        return {row["account_id"] for row in _do(file_store, _READ.read, {"ids": list(texts)})}

    others = set(ODD) - {text}
    assert find({text, "b"}) == {text}
    assert find(others) == others


def test_a_value_that_the_first_run_had_no_name_for_is_refused(file_store: Database) -> None:
    """A statement must not leave out what it is given because its first run was given less."""
    noted = Prepared(insert(tables.budgets))
    first = {"source": "a", "free_at": NOW, "held_until": NOW}
    _do(file_store, noted.run, first)
    with pytest.raises(TypeError, match="kept_by"):
        _do(file_store, noted.run, {**first, "source": "b", "kept_by": "c"})
    with pytest.raises(TypeError, match="free_at"):
        _do(file_store, noted.run_many, [{"source": "b", "free_at": NOW}])
    with pytest.raises(KeyError, match="held_until"):
        _do(file_store, noted.count, [{"source": "b", "free_at": NOW, "held_by": NOW}])
    assert _plain(file_store, select(tables.budgets.c.source)) == [{"source": "a"}]
