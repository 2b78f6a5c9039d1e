"""Links are looked after by whichever worker gets to it: what one has said, another takes back."""

from datetime import timedelta

import pytest

from notifier.service.link_keeper import LinkKeeper
from notifier.store.opening import AnyStore
from tests.fakes import FakeClock


async def test_what_one_worker_said_of_links_another_takes_back(
    database: AnyStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A problem of links must not stand for ever because the worker that has found it is gone."""
    first, second = (LinkKeeper(database, clock, timedelta(hours=1), has_key=True) for _ in range(2))
    sweep = await first._sweep()
    unreadable = type(sweep)(unreadable=2)

    async def find_two() -> object:
        return unreadable

    with monkeypatch.context() as patch:
        patch.setattr(first, "_sweep", find_two)
        await first.tend()
    assert len(await database.run(lambda books: books.load_problems())) == 1
    await second.tend()
    assert await database.run(lambda books: books.load_problems()) == {}
