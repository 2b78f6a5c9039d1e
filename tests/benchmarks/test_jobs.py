"""Jobs that share a transaction: each is kept or not kept as if it had been alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.errors import StoreUnavailable
from notifier.service.ports import Books
from notifier.store.database import Database
from tests.fakes import NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give an open store."""
    with Database(f"sqlite:///{tmp_path / 'notifier.db'}") as opened:
        opened.open()
        yield opened


def note(database: Database, name: str) -> "asyncio.Task[None]":
    """Start to remember a problem."""
    return asyncio.ensure_future(database.run(lambda books: books.save_problem(name, "It is bad.", NOW)))


async def read(database: Database) -> set[str]:
    """Return the problems that are remembered."""
    return set(await database.run(lambda books: books.load_problems()))


async def test_jobs_that_wait_together_are_all_kept(database: Database) -> None:
    """Whoever asked must be told of its own outcome, and all must be in the store."""
    names = {f"problem {number}" for number in range(50)}
    await asyncio.gather(*(note(database, name) for name in names))
    assert await read(database) == names


async def test_a_job_that_fails_fails_alone(database: Database) -> None:
    """The error of one job must reach the one who asked, and take nothing from its neighbours."""

    def fail(books: Books) -> None:
        books.save_problem("half", "It is bad.", NOW)
        raise LookupError("of its own")

    before, failing, after = (
        note(database, "a"),
        asyncio.ensure_future(database.run(fail)),
        note(database, "b"),
    )
    await asyncio.gather(before, after)
    with pytest.raises(LookupError, match="of its own"):
        await failing
    assert await read(database) == {"a", "b"}


async def test_a_cancelled_job_takes_nothing_from_the_others(database: Database) -> None:
    """Somebody who stops waiting must not stop those who go on."""
    first, second = note(database, "a"), note(database, "b")
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert "b" in await read(database)


async def test_nobody_waits_for_a_store_that_is_closed(database: Database) -> None:
    """After the end a job must fail at once, the second one too."""
    database.close()
    for _ in range(2):
        with pytest.raises((StoreUnavailable, RuntimeError)):
            await read(database)
