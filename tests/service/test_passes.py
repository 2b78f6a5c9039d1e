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
from notifier.domain.watch import AccountTarget, PartnerTarget, Target
from notifier.errors import StoreUnavailable
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Store
from notifier.service.recorder import Recorder
from notifier.store.opening import AnyStore
from notifier.workers.passes import Passes
from tests.fakes import ACCOUNT, FakeClock, FakeSource, make_account, make_connection, make_request

WHOLE = AccountTarget("dintero", ACCOUNT)
PARTNER = PartnerTarget("dintero", "P11200000")
ASKED = make_account(make_connection("pending", make_request()))
FAILED = make_account(make_connection("failed", make_request()))
INTERVAL = 60.0

MakePasses = Callable[[Target], tuple[Passes, Shard]]


@pytest.fixture
def source() -> FakeSource:
    """Give a Dintero with one account."""
    return FakeSource(ASKED)


@pytest.fixture
def make_passes(database: AnyStore, clock: FakeClock, source: FakeSource) -> MakePasses:
    """Give a maker of what one worker has; with it comes the only shard, planned in the store."""

    def make(target: Target) -> tuple[Passes, Shard]:
        (shard,) = plan_shards([target])
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
