"""Passes over shards: whatever becomes of one, the next sees what it has to see."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.shards import Shard, plan_shards
from notifier.domain.watch import AccountTarget, PartnerTarget, Target, Tempo
from notifier.errors import SourceUnavailable, StoreUnavailable
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Books, Store
from notifier.service.recorder import Recorder
from notifier.store import tables
from notifier.store.opening import AnyStore
from notifier.store.report import read_status
from notifier.workers.passes import Passes
from tests.fakes import ACCOUNT, NOW, FakeClock, FakeSource, make_account, make_connection, make_request

WHOLE = AccountTarget("dintero", ACCOUNT)
PARTNER = PartnerTarget("dintero", "P11200000")
ASKED = make_account(make_connection("pending", make_request()))
FAILED = make_account(make_connection("failed", make_request()))
INTERVAL = 60.0
OTHER = "P87654321"

MakePasses = Callable[..., tuple[Passes, Shard]]


@pytest.fixture
def source() -> FakeSource:
    """Give a Dintero with one account."""
    return FakeSource(ASKED)


@pytest.fixture
def make_passes(database: AnyStore, clock: FakeClock, source: FakeSource) -> MakePasses:
    """Give a maker of what one worker has; with it comes the only shard, planned in the store."""

    def make(*targets: Target) -> tuple[Passes, Shard]:
        (shard,) = plan_shards(targets)
        database.run_now(lambda books: books.shards.plan([shard], clock.now()))

        def make_poller(store: Store, memory: Memory) -> Poller:
            planner = Planner(DEFAULT_ROUTES, Directory({"sales": "to sales", "oncall": "to oncall"}, {}))
            recorder = Recorder(store, clock, planner, FirstRun.OPEN)
            return Poller({"dintero": source}, store, recorder, clock, lambda _=None: None, memory=memory)

        pace = Pace(INTERVAL, INTERVAL, 5, INTERVAL)
        passes = Passes(
            [shard], make_poller, database, clock, pace, asyncio.Event(), name="w", jitter=lambda: 0.5
        )
        return passes, shard

    return make


def _read_status(database: AnyStore) -> str | None:
    known = database.run_now(lambda books: books.load_accounts([ACCOUNT]))
    return known[ACCOUNT].connections["vipps"].status


async def _die(*_: object) -> None:
    raise StoreUnavailable("killed before the marks were written")


@pytest.mark.parametrize("target", [WHOLE, PARTNER])
async def test_a_pass_that_dies_leaves_no_mark_of_what_was_before(
    make_passes: MakePasses,
    database: AnyStore,
    clock: FakeClock,
    source: FakeSource,
    monkeypatch: pytest.MonkeyPatch,
    target: Target,
) -> None:
    """What a dead worker has recorded must be compared, also with an answer that was seen before it."""
    victim, shard = make_passes(target)
    await victim.run(shard.shard_id)
    clock.advance(10 * INTERVAL)
    source.show(FAILED)
    with monkeypatch.context() as patch:
        patch.setattr(victim, "_leave", _die)
        with pytest.raises(StoreUnavailable):
            await victim.run(shard.shard_id)
    assert _read_status(database) == "failed"
    source.show(ASKED)
    heir, _ = make_passes(target)
    await heir.run(shard.shard_id)
    assert _read_status(database) == "pending"


async def test_a_pass_by_settings_that_are_no_more_records_nothing(
    make_passes: MakePasses, database: AnyStore, clock: FakeClock, source: FakeSource
) -> None:
    """Where another worker has planned a shard anew, what is just being read by old settings is refused."""
    old, shard = make_passes(WHOLE)
    await old.run(shard.shard_id)
    clock.advance(10 * INTERVAL)
    source.show(FAILED)
    read = source.read

    async def read_late(*asked: object) -> object:
        other = replace(shard, digest="of other settings")
        await database.run(lambda books: books.shards.plan([other], clock.now()))
        return await read(*asked)  # type: ignore[arg-type]

    source.read = read_late  # type: ignore[method-assign,assignment]
    await old.run(shard.shard_id)
    assert _read_status(database) == "pending"


async def test_who_has_other_settings_ends_no_pass(
    make_passes: MakePasses, database: AnyStore, clock: FakeClock
) -> None:
    """A worker that does not know a shard's settings must leave it, and its marks, as they are."""
    old, shard = make_passes(WHOLE)
    await old.run(shard.shard_id)
    other = replace(shard, digest="of other settings")
    await database.run(lambda books: books.shards.plan([other], clock.now()))
    before = await database.run(lambda books: books.shards.list_due(clock.now() + timedelta(days=1)))
    version = await database.run(lambda books: books.shards.is_held(shard.shard_id, 2))
    await old.run(shard.shard_id)
    assert version
    assert await database.run(lambda books: books.shards.is_held(shard.shard_id, 2))
    assert before == [shard.shard_id]
    marks = await database.run(lambda books: books.shards.take(shard.shard_id, other.digest))
    assert marks is not None
    assert marks.data


async def test_a_clock_that_is_set_back_puts_nothing_off(
    make_passes: MakePasses, database: AnyStore, clock: FakeClock, source: FakeSource
) -> None:
    """What was to be read in a minute must not wait until a clock that was wrong by a day has caught up."""
    passes, shard = make_passes(WHOLE)
    clock.jump(86_400)
    await passes.run(shard.shard_id)
    clock.jump(-86_400)
    assert await database.run(lambda books: books.shards.list_due(clock.now())) == [shard.shard_id]
    source.show(FAILED)
    await passes.run(shard.shard_id)
    assert _read_status(database) == "failed"
    assert await database.run(lambda books: books.shards.list_due(clock.now())) == []


async def test_a_strain_that_is_over_puts_nothing_off(
    make_passes: MakePasses, database: AnyStore, clock: FakeClock, source: FakeSource
) -> None:
    """While Dintero has too much to do it is asked less often, and as usual from the next interval on."""
    passes, shard = make_passes(WHOLE)
    await passes.run(shard.shard_id)

    async def count_polls(seconds: float) -> int:
        """Let a worker look every interval."""
        for _ in range(int(seconds / INTERVAL)):
            clock.advance(INTERVAL)
            if shard.shard_id in await database.run(lambda books: books.shards.list_due(clock.now())):
                await passes.run(shard.shard_id)
        return passes.take_tally().polls

    assert await count_polls(8 * INTERVAL) == 9
    source.tempo = Tempo(4.0, "Dintero answers slowly")
    assert await count_polls(8 * INTERVAL) == 2
    source.tempo = Tempo()
    assert await count_polls(2 * INTERVAL) >= 1
    assert await count_polls(8 * INTERVAL) == 8


def _restore(books: Books) -> None:
    books._connection.execute(tables.restored.insert().values(id=1, taken_at=NOW))  # type: ignore[attr-defined]


async def test_a_restored_backup_is_looked_through_by_whoever_reads(
    make_passes: MakePasses, database: AnyStore, clock: FakeClock, source: FakeSource
) -> None:
    """When every target was read twice without a problem, by any worker, nothing is in doubt any more."""
    source.show(make_account(account_id=OTHER))
    targets = WHOLE, AccountTarget("dintero", OTHER)
    first, shard = make_passes(*targets)
    second, _ = make_passes(*targets)
    await first.run(shard.shard_id)
    database.run_now(_restore)
    await database.run(lambda books: books.take_over_copy(clock.now(), clock.now()))

    async def read(passes: Passes) -> bool:
        clock.advance(INTERVAL)
        await passes.run(shard.shard_id)
        return database.read_now(read_status).restored_from is not None

    assert await read(first)
    source.errors.append(SourceUnavailable("no answer"))
    assert await read(second)
    assert await read(first) is False
