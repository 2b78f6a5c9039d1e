"""A list that was walked is divided into ranges; a range that is not what it was asks for the whole again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import pytest
import pytest_asyncio

from notifier.domain.first_run import FirstRun
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.shards import Part, Shard, plan_shards
from notifier.domain.watch import PartnerTarget, Sighting
from notifier.errors import SourceMalformed, SourceRejected, SourceUnavailable, StoreUnavailable
from notifier.service.memory import Memory, Walked
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Books, Store
from notifier.service.problem_book import ProblemBook
from notifier.service.recorder import Recorder
from notifier.store import tables
from notifier.store.database import Database
from notifier.store.report import read_status
from notifier.workers.division import WHOLE_SECONDS, join_parts
from notifier.workers.marks import Saved, write_marks
from notifier.workers.passes import Passes
from tests.fakes import FakeClock, FakeSource, make_account, make_connection, make_outcome, make_request

PARTNER: Final = PartnerTarget("dintero", "P11200000")
IDS: Final = tuple(f"P000000{number:02}" for number in range(10, 22))
INTERVAL: Final = 60.0
WALK: Final = 900.0
MOST: Final = 4


def show(account_id: str, status: str = "enabled") -> AccountSnapshot:
    """Return an account that has signed, or waits for a signature."""
    key = ConnectionKey(account_id, "vipps")
    outcome = () if status == "pending" else (make_outcome(status),)
    return make_account(make_connection(status, make_request(), *outcome, key=key), account_id=account_id)


@dataclass
class Crew:
    """A worker with a list of twelve accounts, and what the store says of it."""

    database: Database
    clock: FakeClock
    source: FakeSource
    base: Shard
    make_passes: Callable[[], Passes]
    passes: Passes

    def list_due(self) -> list[str]:
        """Return what is due now."""
        return self.database.run_now(lambda books: books.shards.list_due(self.clock.now()))

    def list_parts(self) -> list[Part]:
        """Return the parts of the list as they stand in the store."""
        found = self.database.run_now(lambda books: books.shards.list_due(_never()))
        parts = [self.find_part(shard_id) for shard_id in sorted(found) if shard_id != self.base.shard_id]
        return [part for part in parts if part is not None]

    def find_part(self, shard_id: str) -> Part | None:
        """Return one part."""
        return self.database.run_now(lambda books: books.shards.find_part(shard_id))

    async def walk(self, place: int) -> Part:
        """Let a walk interval go by, and make a pass over the part with this place."""
        self.clock.advance(WALK)
        part = self.list_parts()[place]
        await self.passes.run(part.shard_id)
        return part

    def is_base_due(self) -> bool:
        """Whether the whole list is to be walked now."""
        return self.base.shard_id in self.list_due()

    def list_problems(self) -> dict[str, str]:
        """Return what on-call would be told."""
        found = self.database.run_now(lambda books: books.troubles.list_problems())
        return {one.subject: one.sentence for one in found}


def _never() -> datetime:
    return FakeClock().now() + timedelta(days=1000)


@pytest_asyncio.fixture
async def crew(file_store: Database, clock: FakeClock) -> Crew:
    """Give a worker that has walked the whole list once: it has three parts.

    The rules are the same on a file; `tests/workers` has the rows, and whole workers, on PostgreSQL.
    """
    database = file_store
    source = FakeSource(*map(show, IDS))
    (base,) = plan_shards([PARTNER])
    database.run_now(lambda books: books.shards.plan([base], clock.now()))

    def make_poller(store: Store, memory: Memory) -> Poller:
        planner = Planner(DEFAULT_ROUTES, Directory({"sales": "to sales", "oncall": "to oncall"}, {}))
        recorder = Recorder(store, clock, planner, FirstRun.OPEN)
        return Poller(
            {"dintero": source},
            store,
            recorder,
            clock,
            lambda _=None: None,
            memory=memory,
            walk_interval_seconds=pace.shortest_walk_seconds,
            range_accounts=MOST,
        )

    def make_passes() -> Passes:
        return Passes(
            [base], make_poller, database, clock, pace, asyncio.Event(), name="w", jitter=lambda: 0.0
        )

    pace = Pace(INTERVAL, INTERVAL, 5, WALK)
    crew = Crew(database, clock, source, base, make_passes, make_passes())
    await crew.passes.run(base.shard_id)
    assert len(crew.list_parts()) == 3
    crew.passes.take_tally()
    return crew


async def test_what_is_remembered_goes_with_the_accounts(crew: Crew) -> None:
    """Each part must find its accounts unchanged after an interval, the whole list find all after a day."""
    assert crew.list_due() == []
    crew.clock.advance(WALK)
    parts = crew.list_parts()
    assert crew.list_due() == [part.shard_id for part in parts]
    for part in parts:
        await crew.passes.run(part.shard_id)
        assert crew.passes.take_tally().unchanged == MOST
    assert crew.list_due() == []
    crew.clock.advance(WHOLE_SECONDS)
    assert crew.is_base_due()
    await crew.passes.run(crew.base.shard_id)
    assert crew.passes.take_tally().unchanged == len(IDS)
    assert len(crew.list_parts()) == 3
    assert {part.shard_id for part in parts}.isdisjoint(part.shard_id for part in crew.list_parts())
    await crew.walk(0)
    # A process that lives for long must not keep what it knew of ranges that are no more.
    assert len(crew.passes._posts._parts) == 1


async def test_the_marks_of_a_range_take_thirty_bytes_an_account(crew: Crew) -> None:
    """Marks are written with every pass: they must stay small, and those of the whole list smallest."""

    def read(books: Books) -> int:
        marks = books.shards.take(crew.base.shard_id, crew.base.digest)
        assert marks is not None
        return len(marks.data)

    assert crew.database.run_now(read) < 250
    assert all(len(part.data) < 250 + 30 * MOST for part in crew.list_parts())


async def test_what_changes_in_a_range_is_recorded_by_it(crew: Crew) -> None:
    """A change, and an account that is new, must be kept without a walk through the whole list."""
    crew.source.show(show(IDS[5], "failed"))
    crew.source.show(show("P00000015x", "pending"))
    await crew.walk(1)
    known = crew.database.run_now(lambda books: books.load_accounts([IDS[5], "P00000015x"]))
    assert known[IDS[5]].connections["vipps"].status == "failed"
    assert known["P00000015x"].connections["vipps"].status == "pending"
    assert crew.passes.take_tally().notifications > 0
    assert not crew.is_base_due()


async def test_who_waits_is_looked_at_by_the_range(crew: Crew) -> None:
    """Between two walks those who wait must be read with the poll interval, those of the range alone."""
    for account_id in (*IDS[1:6], IDS[9]):
        crew.source.show(show(account_id, "pending"))
    crew.source.filters = True
    part = await crew.walk(1)
    crew.clock.advance(INTERVAL)
    assert part.shard_id in crew.list_due()
    before, crew.source.sifted = crew.passes.take_tally(), 0
    assert before.polls == 1
    crew.source.show(show(IDS[4], "failed"))
    await crew.passes.run(part.shard_id)
    assert crew.source.sifted == 0
    assert crew.passes.take_tally().polls == 3
    known = crew.database.run_now(lambda books: books.load_accounts([IDS[4]]))
    assert known[IDS[4]].connections["vipps"].status == "failed"


async def test_the_filtered_list_is_read_as_far_as_the_range_goes(crew: Crew) -> None:
    """Where many of a range wait, the filter must show them, and nobody behind them be taken in."""
    for account_id in IDS[:8]:
        crew.source.show(show(account_id, "pending"))
    crew.source.filters = True
    part = await crew.walk(0)
    crew.passes.take_tally()
    crew.clock.advance(INTERVAL)
    crew.source.show(show(IDS[1], "failed"))
    sift = crew.source.sift
    shown: list[str] = []

    async def sift_and_note(
        target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        async for page in sift(target, seen):
            shown.extend(one.account_id for one in page)
            yield page

    crew.source.sift = sift_and_note  # type: ignore[method-assign]
    await crew.passes.run(part.shard_id)
    assert shown == [IDS[0], *IDS[2:5]]
    known = crew.database.run_now(lambda books: books.load_accounts([*IDS[:8]]))
    assert known[IDS[1]].connections["vipps"].status == "failed"
    assert [known[one].connections["vipps"].status for one in IDS[4:8]] == ["enabled"] * 4


def _remove(*account_ids: str) -> Callable[[FakeSource], None]:
    def remove(source: FakeSource) -> None:
        for account_id in account_ids:
            del source.accounts[account_id]

    return remove


def _fail(error: Exception) -> Callable[[FakeSource], None]:
    return lambda source: source.errors.append(error)


def _grow(source: FakeSource) -> None:
    for number in range(MOST + 1):
        source.show(show(f"{IDS[5]}{number}"))


@pytest.mark.parametrize(
    ("place", "happen"),
    [
        pytest.param(1, _remove(IDS[7]), id="its end has left"),
        pytest.param(1, _remove(*IDS[4:]), id="it is empty"),
        pytest.param(1, _remove(*IDS[4:8]), id="all have left"),
        pytest.param(2, _remove(*IDS[8:]), id="all of the last one have left"),
        pytest.param(1, _fail(SourceRejected("no such cursor", status=400)), id="refused"),
        pytest.param(1, _fail(SourceMalformed("the same paging_token twice", status=200)), id="in circles"),
        pytest.param(1, _grow, id="it has grown"),
    ],
)
async def test_a_range_that_is_not_what_it_was_asks_for_the_whole(
    crew: Crew, place: int, happen: Callable[[FakeSource], None]
) -> None:
    """It must end nobody's case, say nothing is wrong, and let the whole list be due at once."""
    happen(crew.source)
    await crew.walk(place)
    assert crew.is_base_due()
    assert crew.list_problems() == {}
    assert crew.passes.take_tally().changes == 0 or happen is _grow
    crew.source.errors.clear()
    await crew.passes.run(crew.base.shard_id)
    assert crew.passes.take_tally().polls == 1
    assert not crew.is_base_due()


async def test_who_is_missing_twice_is_looked_for(crew: Crew) -> None:
    """One walk may skip an account; after two the whole list is walked, and twice again before it is told."""
    del crew.source.accounts[IDS[5]]
    await crew.walk(1)
    assert not crew.is_base_due()
    await crew.walk(1)
    assert crew.is_base_due()
    await crew.passes.run(crew.base.shard_id)
    assert crew.list_parts() == []
    crew.clock.advance(WALK)
    assert crew.is_base_due()
    await crew.passes.run(crew.base.shard_id)
    known = crew.database.run_now(lambda books: books.load_accounts([IDS[5]]))
    assert known[IDS[5]].unwatched_at is not None
    assert len(crew.list_parts()) in {2, 3}


async def test_who_comes_back_is_not_missing(crew: Crew) -> None:
    """An account that only one walk has missed must not make the whole list be walked."""
    account = crew.source.accounts.pop(IDS[5])
    await crew.walk(1)
    crew.source.show(account)
    await crew.walk(1)
    await crew.walk(1)
    assert not crew.is_base_due()


async def test_a_range_that_cannot_be_read_is_a_problem_of_the_list(crew: Crew) -> None:
    """It must be told once for all ranges, outlast a walk that fails, and be over when all is read."""
    for place in range(2):
        crew.source.errors.append(SourceUnavailable("no answer"))
        await crew.walk(place)
    assert crew.list_problems() == {str(PARTNER): "no answer"}
    assert not crew.is_base_due()
    # A worker that starts clears what is about nothing that is watched.
    await ProblemBook(crew.database, crew.clock).load([PARTNER])
    assert crew.list_problems() == {str(PARTNER): "no answer"}
    crew.clock.advance(WHOLE_SECONDS)
    crew.source.errors.append(SourceUnavailable("no answer"))
    await crew.passes.run(crew.base.shard_id)
    assert crew.list_problems() == {str(PARTNER): "no answer"}
    assert crew.list_parts() == []
    crew.clock.advance(WALK)
    await crew.passes.run(crew.base.shard_id)
    assert crew.list_problems() == {}
    assert len(crew.list_parts()) == 3


async def test_a_walk_through_the_whole_overtakes_its_ranges(crew: Crew) -> None:
    """What a range's pass has read before the whole list was begun must not be recorded after it."""
    crew.clock.advance(WALK)
    part = crew.list_parts()[1]
    other = crew.make_passes()
    crew.source.show(show(IDS[5], "failed"))
    walk = crew.source.walk

    def walk_late(target: PartnerTarget, seen: object) -> object:
        crew.source.walk = walk  # type: ignore[method-assign]

        async def give() -> object:
            pages = [page async for page in walk(target, {})]
            crew.source.show(show(IDS[5], "declined"))
            crew.database.run_now(lambda books: books.shards.hasten(crew.base.shard_id, crew.clock.now()))
            await other.run(crew.base.shard_id)
            for page in pages:
                yield page

        return give()

    crew.source.walk = walk_late  # type: ignore[method-assign,assignment]
    await crew.passes.run(part.shard_id)
    known = crew.database.run_now(lambda books: books.load_accounts([IDS[5]]))
    assert known[IDS[5]].connections["vipps"].status == "declined"


async def test_who_leaves_while_a_pass_dies_is_missed_all_the_same(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass that dies must leave who was there, and nothing of what was seen before it."""

    async def die(*_: object) -> None:
        raise StoreUnavailable("killed before the marks were written")

    del crew.source.accounts[IDS[5]]
    with monkeypatch.context() as patch:
        patch.setattr(crew.passes, "_leave", die)
        with pytest.raises(StoreUnavailable):
            await crew.walk(1)
    crew.passes.take_tally()
    await crew.walk(1)
    assert crew.passes.take_tally().unchanged == 0
    assert not crew.is_base_due()
    await crew.walk(1)
    assert crew.passes.take_tally().unchanged == MOST - 1
    assert crew.is_base_due()


async def test_a_range_without_marks_asks_for_the_whole(crew: Crew) -> None:
    """Whoever cannot tell who was there must not take for granted that everybody still is."""
    part = crew.list_parts()[1]
    crew.database.run_now(lambda books: books.shards.take(part.shard_id, part.digest))
    await crew.walk(1)
    assert crew.is_base_due()


async def test_an_account_that_two_ranges_know_is_compared(crew: Crew) -> None:
    """Where it looked different to them nobody knows which was the last: its digest must go."""
    first, second, _ = crew.list_parts()
    moved, memory = Walked({IDS[0]: b"other"}), Memory()
    targets = second.narrow(crew.base).targets
    assert isinstance(targets[0], PartnerTarget)
    memory.keep_walked(targets[0], moved)
    second = replace(second, data=write_marks(Saved(), memory.export(targets), crew.clock.now()))
    whole = Memory()
    join_parts(crew.base, [first, second], whole)
    assert set(whole.find_walked(PARTNER).digests) == set(IDS[1:4])


async def test_a_list_that_was_just_divided_is_walked_when_a_range_asks_for_it(crew: Crew) -> None:
    """Its row alone says when the whole list is due: no time of before may keep it from being walked."""
    for _ in range(2):
        now = crew.clock.now()
        crew.database.run_now(lambda books: books.shards.hasten(crew.base.shard_id, now))  # noqa: B023
        await crew.passes.run(crew.base.shard_id)
        assert crew.passes.take_tally().unchanged == len(IDS)
        assert len(crew.list_parts()) == 3


async def test_a_restored_list_is_walked_as_a_whole_until_it_was_looked_through(crew: Crew) -> None:
    """What has left since a backup only walks through all of it find: it is divided again behind them."""
    now = crew.clock.now()

    def restore(books: Books) -> None:
        books._connection.execute(tables.restored.insert().values(id=1, taken_at=now))  # type: ignore[attr-defined]
        books.take_over_copy(now, now)
        books.shards.hasten_divided(now)

    crew.database.run_now(restore)
    crew.clock.advance(1)
    for _ in range(2):
        assert crew.is_base_due()
        await crew.passes.run(crew.base.shard_id)
        assert crew.list_parts() == []
        crew.clock.advance(WALK)
    assert crew.database.read_now(read_status).restored_from is None
    await crew.passes.run(crew.base.shard_id)
    assert len(crew.list_parts()) == 3


async def test_planned_again_alike_the_ranges_stay(crew: Crew) -> None:
    """A worker that starts with the same settings must leave the division as it is."""
    before = crew.list_parts()
    crew.database.run_now(lambda books: books.shards.plan([crew.base], crew.clock.now()))
    assert crew.list_parts() == before
    assert crew.list_due() == []


async def test_other_settings_retire_the_ranges(crew: Crew) -> None:
    """Where something else is asked for, no range may be read as before, and the whole list is due."""
    (other,) = plan_shards([PartnerTarget("dintero", "P11200000", frozenset({"vipps"}))])
    part = crew.list_parts()[0]
    crew.database.run_now(lambda books: books.shards.plan([other], crew.clock.now()))
    assert crew.list_due() == [crew.base.shard_id]
    await crew.passes.run(part.shard_id)
    assert crew.passes.take_tally().polls == 0
    crew.database.run_now(lambda books: books.shards.plan([], crew.clock.now()))
    assert crew.list_due() == []
