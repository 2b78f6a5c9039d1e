"""Where the store of a life is: a file of its own, or a database of its own in a PostgreSQL."""

import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from notifier.store.database import Database
from notifier.store.opening import AnyStore, make_store
from tests.conftest import MEMORY
from tests.postgres import Cluster


class Ground(Protocol):
    """A place with a new store."""

    def make_store(self) -> AnyStore:
        """Return the store, not yet open, as a new process would find it."""

    def clean(self) -> None:
        """Remove it."""


class FileGround:
    """A copy of a file, in memory where the machine has it."""

    def __init__(self, template: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self._path = Path(self._folder.name) / "notifier.db"
        shutil.copy(template, self._path)

    def make_store(self) -> AnyStore:
        """Return the store in the file."""
        return Database(f"sqlite:///{self._path}")

    def clean(self) -> None:
        """Remove the file."""
        self._folder.cleanup()


class ServerGround:
    """A copy of a database, by its name."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self._cluster = cluster
        self._url = cluster.make_database(like=template)

    def make_store(self) -> AnyStore:
        """Return the store in the database."""
        return make_store(self._url)

    def clean(self) -> None:
        """Remove the database."""
        self._cluster.drop_database(self._url)
