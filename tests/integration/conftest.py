"""What the tests of the store on real files share."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from notifier.store import database as database_module
from notifier.store.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a store in an empty folder; nothing is there yet."""
    return tmp_path / "notifier.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store wait for almost no time for another program's lock."""
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_SECONDS", 0.05)


def make_url(path: Path) -> str:
    """Return the `store.url` of a file."""
    return f"sqlite:///{path}"


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """Open a store as an engine does, but for its lock."""
    with Database(make_url(path)) as store:
        store.open()
        yield store


@contextmanager
def held(path: Path) -> Iterator[Callable[[], None]]:
    """Lock a file as another program may; what is given lets go of it before the end."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection.rollback


def execute(path: Path, *statements: str) -> list[Any]:
    """Run statements on a file, beside the notifier, and return the rows of the last one."""
    rows: list[Any] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows
