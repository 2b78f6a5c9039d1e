"""The shards' rows: one pass at a time may write, whoever else believes to be at work."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from notifier.domain.shards import Shard, plan_shards
from notifier.domain.watch import AccountTarget
from notifier.store.postgres import PostgresStore
from notifier.workers.fence import FencedStore, Overtaken
from tests.fakes import NOW

(SHARD,) = plan_shards([AccountTarget("dintero", "P12345678")])
LATER = NOW + timedelta(minutes=1)


@pytest_asyncio.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """Give a store with one shard, which is due."""
    with PostgresStore(postgres_url) as store:
        store.open()
        await store.run(lambda books: books.shards.plan([SHARD], NOW))
        yield store


async def _take(store: PostgresStore) -> FencedStore:
    marks = await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest))
    assert marks is not None
    fenced = FencedStore(store, SHARD.shard_id)
    fenced.version = marks.version
    return fenced


async def test_a_pass_that_was_overtaken_records_nothing(store: PostgresStore) -> None:
    """What an older pass has read must not be written once another pass has begun."""
    older = await _take(store)
    await older.run(lambda books: books.save_problem("before", "a sentence", NOW))
    newer = await _take(store)
    with pytest.raises(Overtaken):
        await older.run(lambda books: books.save_problem("after", "a sentence", NOW))
    await newer.run(lambda books: books.save_problem("newer", "a sentence", NOW))
    assert set(await store.run(lambda books: books.load_problems())) == {"before", "newer"}


async def test_marks_are_written_by_the_pass_that_holds_the_shard(store: PostgresStore) -> None:
    """An older pass must leave the marks and the time of a newer one as they are."""
    older = await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest))
    newer = await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest))
    assert older is not None
    assert newer is not None
    old, new = replace(older, data=b"old", next_at=NOW), replace(newer, data=b"new", next_at=LATER)
    assert await store.run(lambda books: books.shards.save(new, NOW, "one"))
    assert not await store.run(lambda books: books.shards.save(old, NOW, "another"))
    assert await store.run(lambda books: books.shards.list_due(NOW)) == []
    found = await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest))
    assert found is not None
    assert (found.data, found.next_at) == (b"new", LATER)


async def test_a_shard_that_stays_keeps_its_marks_and_one_that_changes_is_due(store: PostgresStore) -> None:
    """Planned again alike it must stay as it is; with something else asked for it must be read at once."""
    taken = await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest))
    assert taken is not None
    left = replace(taken, data=b"marks", next_at=LATER)
    await store.run(lambda books: books.shards.save(left, NOW, "one"))
    assert await store.run(lambda books: books.shards.plan([SHARD], NOW)) == (0, 0)
    assert await store.run(lambda books: books.shards.list_due(NOW)) == []
    changed = Shard(SHARD.shard_id, SHARD.source, SHARD.targets, "another digest")
    assert await store.run(lambda books: books.shards.plan([changed], NOW)) == (0, 0)
    assert await store.run(lambda books: books.shards.list_due(NOW)) == [SHARD.shard_id]
    assert await store.run(lambda books: books.shards.plan([], NOW)) == (0, 1)
    assert await store.run(lambda books: books.shards.take(SHARD.shard_id, SHARD.digest)) is None


async def test_a_chore_is_due_when_its_row_says(store: PostgresStore) -> None:
    """A new chore must be due at once, then when it was put off to, and a forgotten one never."""
    await store.run(lambda books: books.errands.plan(("Pruner", "Summaries"), NOW))
    await store.run(lambda books: books.errands.postpone("Pruner", LATER))
    await store.run(lambda books: books.errands.plan(("Pruner", "Summaries"), NOW))
    assert await store.run(lambda books: books.errands.list_due(NOW)) == ["Summaries"]
    await store.run(lambda books: books.errands.forget("Summaries"))
    assert await store.run(lambda books: books.errands.list_due(LATER)) == ["Pruner"]
