"""What every test may ask for."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.store.database import Database
from tests.fakes import FakeClock

MEMORY = Path("/dev/shm")  # noqa: S108
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


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


@pytest.fixture
def database(new_store: Path, memory_path: Path) -> Iterator[Database]:
    """Give an open store in a file of its own."""
    path = memory_path / "notifier.db"
    shutil.copy(new_store, path)
    with Database(f"sqlite:///{path}") as database:
        database.open()
        yield database
