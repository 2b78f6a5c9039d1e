"""A message that leaves at once is claimed where it is put into the outbox; and never by two at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import pytest

from notifier.domain.delivery import BY_ITSELF, Place, Receipt
from notifier.domain.message import Message
from notifier.domain.storm import StormGuard
from notifier.domain.watch import AccountTarget
from notifier.errors import StoreUnclear
from notifier.service.claims import Claims, Taken
from notifier.service.early import Early, Gift, Seat
from notifier.service.ports import Books
from notifier.service.storms import Storms
from notifier.store.database import Database
from notifier.store.report import read_status
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeClock,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_request,
)
from tests.service.conftest import MakeService, Service, make_services, of_many

WHOLE = AccountTarget("dintero", ACCOUNT)


class StillClock(FakeClock):
    """A clock on which a sleeper sleeps until it is woken by something else."""

    async def sleep(self, seconds: float) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


class Counted(FakeReceiver):
    """Remembers how many transactions there had been at each of its messages."""

    def __init__(self, name: str, store: "Tampered") -> None:
        super().__init__(name)
        self.store = store
        self.counts: list[int] = []
        self.news = asyncio.Event()

    async def send(
        self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
    ) -> Receipt:
        """Take a message."""
        self.counts.append(self.store.transactions)
        receipt = await super().send(message, place, is_plain=is_plain, deadline=deadline)
        self.news.set()
        return receipt


class Tampered:
    """Counts the transactions of a store, and says of the next one that nobody knows whether it was kept."""

    def __init__(self, store: Database, patch: pytest.MonkeyPatch) -> None:
        self.transactions = 0
        self.is_unclear = False
        self._run = store.run
        patch.setattr(store, "run", self.run)

    async def run(self, job: Callable[[Books], Any]) -> Any:
        """Run a job."""
        self.transactions += 1
        done = await self._run(job)
        if self.is_unclear:
            self.is_unclear = False
            raise StoreUnclear("the connection broke at the commit")
        return done


@asynccontextmanager
async def _serve(service: Service) -> AsyncIterator[None]:
    """Serve all lanes, from when they have nothing to do."""
    await service.start(WHOLE)
    stopping = asyncio.Event()
    running = asyncio.ensure_future(service.dispatcher.run(stopping))
    async with asyncio.timeout(20):
        while not all(lane.seat.is_taken for lane in service.dispatcher.lanes.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        yield
    stopping.set()
    await running


def _make(database: Database, patch: pytest.MonkeyPatch) -> tuple[Service, Counted, Tampered]:
    store = Tampered(database, patch)
    sales = Counted("sales", store)
    source = FakeSource(make_account(make_connection("pending", make_request())))
    return make_services(database, StillClock())(source, sales=sales), sales, store


@of_many
async def test_what_was_read_leaves_after_one_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a lane that waits, the transaction that keeps a change must be the only one before the message."""
    service, sales, store = _make(database, monkeypatch)
    async with _serve(service):
        before = store.transactions
        await service.poller.poll(WHOLE)
        await sales.news.wait()
    assert sales.counts == [before + 1]
    assert len(sales.taken) == 1
    assert (await database.run(lambda books: books.outbox.list_waiting())) == {}


@of_many
async def test_a_claim_of_which_nobody_knows_is_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the commit is unclear the lane must look for itself: it leaves once, without a look."""
    service, sales, store = _make(database, monkeypatch)
    async with _serve(service):
        store.is_unclear = True
        await service.poller.poll(WHOLE)
        await sales.news.wait()
        assert not sales.asked
    assert len(sales.taken) == 1
    assert database.read_now(read_status).outbox == {"delivered": 1}


async def test_processes_that_share_lanes_claim_nothing_early(make_service: MakeService) -> None:
    """Where a lane may be in another's hands, whoever reads must not claim for it."""
    assert make_service(FakeSource(make_account()), is_alone=False).dispatcher.early is None
    assert make_service(FakeSource(make_account())).dispatcher.early is not None


def test_a_seat_is_reserved_only_while_its_lane_waits() -> None:
    """A lane that works, that has to keep its pace, or that was claimed for already, must be left alone."""
    seat = Seat()
    assert not seat.reserve(10.0)
    seat.sit_down(free_at=10.0)
    assert [seat.reserve(now) for now in (9.9, 10.0, 10.1)] == [False, True, False]
    seat.stand_up()
    assert seat.is_reserved
    seat.bring(Gift(deadline=40.0))
    assert [seat.take_gift(), seat.take_gift()] == [Gift(deadline=40.0), None]
    seat.sit_down(free_at=0.0)
    seat.stand_up()
    assert not seat.reserve(11.0)


class OneLane:
    """A lane that waits."""

    def __init__(self) -> None:
        self.seat = Seat()
        self.seat.sit_down(0.0)
        self.gifts: list[Gift] = []

    def tell_time(self) -> datetime:
        """Return an instant."""
        return NOW

    def take_over(self, gift: Gift) -> None:
        """Remember what was brought."""
        self.seat.bring(gift)
        self.gifts.append(gift)


@of_many
async def test_a_transaction_that_nobody_waits_for_any_more_reserves_nothing(database: Database) -> None:
    """A poll may be given up while its transaction still waits for the store: no lane may hang on it."""
    lane = OneLane()
    early = Early({"sales": lane}, Claims({}, Storms(StormGuard(0))), FakeClock(), 30.0)
    with suppress(asyncio.CancelledError), early.watch() as late:
        raise asyncio.CancelledError
    await database.run(lambda books: late.claim(books, ["sales", "unknown"], NOW))
    assert (lane.gifts, lane.seat.is_taken) == ([], True)
    with suppress(asyncio.CancelledError), early.watch() as hand:
        await database.run(lambda books: hand.claim(books, ["sales"], NOW))
        raise asyncio.CancelledError
    assert [gift.is_unclear for gift in lane.gifts] == [True]
    assert not lane.seat.is_reserved


@of_many
async def test_a_row_that_cannot_be_taken_keeps_nothing_from_being_recorded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a lane's queue is beyond this code, what was read must be kept all the same, and said later."""
    service, sales, _ = _make(database, monkeypatch)
    take, faults = Claims.take, ["first"]

    def stumble(self: Claims, books: Books, wants: Mapping[str, datetime], now: datetime) -> dict[str, Taken]:
        if wants and faults:
            faults.clear()
            raise ValueError("no such topic")
        return take(self, books, wants, now)

    async with _serve(service):
        monkeypatch.setattr(Claims, "take", stumble)
        await service.poller.poll(WHOLE)
        assert not service.poller.problems
        async with asyncio.timeout(20):
            await sales.news.wait()
    assert (faults, len(sales.taken)) == ([], 1)
