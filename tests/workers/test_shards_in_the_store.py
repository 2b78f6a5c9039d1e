"""The shards' rows: one pass at a time may write, whoever else believes to be at work."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
import pytest_asyncio

from notifier.domain.blindness import TroubleKind
from notifier.domain.shards import Part, Shard, name_part, plan_shards
from notifier.domain.watch import AccountTarget, PartnerTarget
from notifier.service.ports import Books
from notifier.store.postgres import PostgresStore
from notifier.workers.clock import SharedClock
from notifier.workers.fence import FencedStore, Overtaken
from tests.fakes import NOW, FakeClock

(SHARD,) = plan_shards([AccountTarget("dintero", "P12345678")])
(LIST,) = plan_shards([PartnerTarget("dintero", "P11200000")])
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


async def test_parts_are_shards_of_their_own_until_they_are_gathered(store: PostgresStore) -> None:
    """Each must be due by its own row; gathered, or with one of them lost, the whole is read instead."""

    def plan(books: Books) -> tuple[Part, ...]:
        books.shards.plan([LIST], NOW)
        taken = books.shards.take(LIST.shard_id, LIST.digest)
        assert taken is not None
        books.shards.save(replace(taken, next_at=LATER), NOW, "one")
        parts = tuple(_make_part(place, until) for place, until in enumerate(("P2", "P4", "")))
        books.shards.divide(LIST, parts)
        return parts

    parts = await store.run(plan)
    names = [part.shard_id for part in parts]
    assert await store.run(lambda books: books.shards.list_due(NOW)) == names
    assert await store.run(lambda books: books.shards.find_part(names[1])) == parts[1]
    assert await store.run(lambda books: books.shards.find_part(LIST.shard_id)) is None
    assert await store.run(lambda books: books.shards.plan([LIST], NOW)) == (0, 0)
    marks = await store.run(lambda books: books.shards.take(names[0], LIST.digest))
    assert marks is not None
    assert await store.run(lambda books: books.shards.gather(LIST)) == [
        replace(parts[0], data=b""),
        *parts[1:],
    ]
    assert not await store.run(lambda books: books.shards.is_held(names[0], marks.version))
    assert not await store.run(lambda books: books.shards.save(marks, NOW, "one"))
    assert await store.run(lambda books: books.shards.list_due(NOW)) == []
    await store.run(lambda books: books.shards.hasten(LIST.shard_id, NOW))
    assert await store.run(lambda books: books.shards.list_due(NOW)) == [LIST.shard_id]


async def test_a_list_whose_parts_are_not_all_there_is_due(store: PostgresStore, postgres_url: str) -> None:
    """An older version retires what it does not know: what that covered must be read all the same."""
    await store.run(lambda books: books.shards.plan([LIST], LATER))
    await store.run(lambda books: books.shards.divide(LIST, [_make_part(0, "P2"), _make_part(1, "")]))
    with psycopg.connect(postgres_url) as database:
        database.execute("DELETE FROM shards WHERE ends_with = 'P2'")
    due = await store.run(lambda books: books.shards.list_due(NOW - timedelta(minutes=1)))
    assert due == [LIST.shard_id]


async def test_what_is_said_of_a_list_is_said_of_its_parts_and_back(store: PostgresStore) -> None:
    """What could not be understood of a list must be known since the same time, however it is divided."""
    whole = str(LIST.targets[0])
    await store.run(lambda books: books.shards.plan([LIST], NOW))
    await store.run(lambda books: books.save_problem(whole, "of P1 and P3", NOW, TroubleKind.PARTIAL))
    parts = [_make_part(0, "P2", "of P1"), _make_part(1, "P4", "of P3"), _make_part(2, "")]
    await store.run(lambda books: books.shards.divide(LIST, parts))
    assert await store.run(lambda books: books.load_problems()) == {
        f"{whole}, up to P2": "of P1",
        f"{whole}, up to P4": "of P3",
    }
    await store.run(lambda books: books.shards.gather(LIST))
    (problem,) = await store.run(lambda books: books.troubles.list_problems())
    assert (problem.subject, problem.since, problem.kind) == (whole, NOW, TroubleKind.PARTIAL)


def _make_part(place: int, until: str, problem: str = "") -> Part:
    after = "" if place == 0 else f"cursor-{place}"
    return Part(
        name_part(LIST.shard_id, 1, place), LIST.shard_id, LIST.digest, after, until, NOW, b"marks", problem
    )


async def test_a_chore_is_due_when_its_row_says(store: PostgresStore) -> None:
    """A new chore must be due at once, then when it was put off to, and a forgotten one never."""
    await store.run(lambda books: books.errands.plan(("Pruner", "Summaries"), NOW))
    await store.run(lambda books: books.errands.postpone("Pruner", LATER))
    await store.run(lambda books: books.errands.plan(("Pruner", "Summaries"), NOW))
    assert await store.run(lambda books: books.errands.list_due(NOW)) == ["Summaries"]
    await store.run(lambda books: books.errands.forget("Summaries"))
    assert await store.run(lambda books: books.errands.list_due(LATER)) == ["Pruner"]


async def test_chores_are_due_when_the_clock_was_set_back(store: PostgresStore) -> None:
    """The shared clock must tell that it was, and all chores must be done anew, whatever their rows say."""
    clock = SharedClock(FakeClock())
    assert clock.set(NOW, 0, 0) == 0
    assert clock.set(NOW + timedelta(seconds=9), 10, 10) == -1
    await store.run(lambda books: books.errands.plan(("Pruner",), LATER))
    assert await store.run(lambda books: books.errands.list_due(NOW)) == []
    await store.run(lambda books: books.errands.hasten(NOW))
    assert await store.run(lambda books: books.errands.list_due(NOW)) == ["Pruner"]
