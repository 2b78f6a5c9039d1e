"""What every test may ask for."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.fakes import FakeClock

if TYPE_CHECKING:
    from notifier.store.database import Database
    from notifier.store.opening import AnyStore
    from tests.chaos.nursery import Nursery
    from tests.postgres import Cluster

MEMORY = Path("/dev/shm")  # noqa: S108
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight: it would look at it in every test."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Chromium where there is none; on CI that is a failure."""
    if item.get_closest_marker("chromium") is None or CHROMIUM.exists():
        return
    if os.environ.get("CI") == "true":
        pytest.fail("there is no Chromium: tests/find_chromium.sh should have installed it")
    pytest.skip("NO CHROMIUM on this machine: apt-get install chromium")


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that moves only when it is slept on."""
    return FakeClock()


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store as the first start leaves it, to be copied: making one takes longer than most tests."""
    # Whoever has no store, as the unit tests, need not wait for what it imports.
    from notifier.store.database import Database

    path = tmp_path_factory.mktemp("template") / "notifier.db"
    with Database(f"sqlite:///{path}") as database:
        database.open()
    return path


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory, where the machine has one: what is about rules need not wait for a disk."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="notifier-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Cluster]":
    """Give a PostgreSQL of this test process."""
    try:
        from tests.postgres import served
    except ImportError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"NO POSTGRESQL for this machine: {error}")
    with served() as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nursery() -> "AsyncIterator[Nursery]":
    """Give the place where processes of the program come from; it takes seconds to open.

    Whoever still lives in it at the end is killed.
    """
    from tests.chaos.nursery import Nursery

    async with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def new_postgres_store(postgres: "Cluster") -> str:
    """Give the name of a database with a store as the first start leaves it, to be copied."""
    from notifier.store.opening import make_store

    postgres.execute("CREATE DATABASE new_store")
    with make_store(postgres.find_url("new_store")) as store:
        store.open()
    return "new_store"


@pytest.fixture
def postgres_url(postgres: "Cluster", new_postgres_store: str) -> Iterator[str]:
    """Give the `store.url` of a new store in PostgreSQL."""
    address = postgres.make_database(like=new_postgres_store)
    yield address
    postgres.drop_database(address)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> "Iterator[AnyStore]":
    """Give an open store of each kind: what is tested with it must hold for both."""
    from notifier.store.opening import make_store

    if request.param == "sqlite":
        yield request.getfixturevalue("file_store")
        return
    with make_store(request.getfixturevalue("postgres_url")) as store:
        store.open()
        yield store


@pytest.fixture
def database(file_store: "Database") -> "Database":
    """Give an open store in a file, where the kind of store makes no difference."""
    return file_store


@pytest.fixture
def file_store(new_store: Path, memory_path: Path) -> "Iterator[Database]":
    """Give an open store in a file of its own."""
    from notifier.store.database import Database

    path = memory_path / "notifier.db"
    shutil.copy(new_store, path)
    with Database(f"sqlite:///{path}") as database:
        database.open()
        yield database
