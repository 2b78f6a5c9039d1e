"""Drains: a worker sends what is due for a destination for as long as that is its own, and not for ever."""

import asyncio

import pytest
from structlog.testing import capture_logs

from notifier.domain.delivery import BY_ITSELF, Notification, Place, Receipt
from notifier.domain.message import Message
from notifier.domain.model import ConnectionKey
from notifier.domain.retry import RetryPolicy
from notifier.domain.watch import AccountTarget
from notifier.errors import StoreUnavailable
from notifier.store.report import read_status
from notifier.workers.drains import TURN_SECONDS, Drains
from notifier.workers.lease import Lease
from tests.fakes import FakeClock, FakeReceiver, FakeSource, make_account, make_connection, make_request
from tests.service.conftest import MakeService, Service

MANY = 30
STALLED = TURN_SECONDS - 2
WORKER = 1
ACCOUNTS = tuple(f"P{number:08}" for number in range(MANY))
TARGETS = tuple(AccountTarget("dintero", name) for name in ACCOUNTS)


class Slow(FakeReceiver):
    """Its answers take so many seconds; with a `lease` the worker gives a sign of life meanwhile."""

    clock: FakeClock
    seconds = 0.0
    lease: Lease | None = None

    async def send(
        self, message: Message, place: Place = BY_ITSELF, *, is_plain: bool, deadline: float | None = None
    ) -> Receipt:
        """Take a message."""
        receipt = await super().send(message, place, is_plain=is_plain, deadline=deadline)
        self.clock.advance(self.seconds)
        if self.lease is not None:
            self.lease.renew(WORKER, self.clock.monotonic())
        return receipt


@pytest.fixture
def sales(clock: FakeClock) -> Slow:
    """Give a channel with Slack's pace."""
    receiver = Slow("sales", pace_seconds=1.0)
    receiver.clock = clock
    return receiver


@pytest.fixture
def lease(clock: FakeClock) -> Lease:
    """Give the lease of a worker that has just given a sign of life."""
    lease = Lease(clock.monotonic, STALLED)
    lease.renew(WORKER, clock.monotonic())
    return lease


async def _fill(make_service: MakeService, sales: Slow) -> Service:
    """Have something to say to sales of each of many accounts."""
    snapshots = [
        make_account(
            make_connection("pending", make_request(number), key=ConnectionKey(name, "vipps")),
            account_id=name,
        )
        for number, name in enumerate(ACCOUNTS)
    ]
    service = make_service(FakeSource(*snapshots), sales=sales, is_alone=False)
    await service.start(*TARGETS)
    for target in TARGETS:
        await service.poller.poll(target)
    return service


def _make_drains(service: Service) -> Drains:
    return Drains(service.dispatcher.lanes, service.database, service.clock, asyncio.Event(), RetryPolicy())


async def test_a_long_queue_leaves_its_place_to_others(
    make_service: MakeService, clock: FakeClock, sales: Slow, lease: Lease
) -> None:
    """A channel at its pace must not keep others from a place: it goes behind them, and loses nothing."""
    service = await _fill(make_service, sales)
    drains, sales.lease = _make_drains(service), lease
    began = clock.monotonic()
    await drains.drain("to sales", lease.take())
    assert clock.monotonic() - began <= TURN_SECONDS + 2
    assert 0 < len(sales.taken) < MANY
    while len(sales.taken) < MANY:
        await drains.drain("to sales", lease.take())
    assert len({one.notification_id for one in sales.taken}) == MANY


async def test_without_a_sign_of_life_nothing_is_claimed(
    make_service: MakeService, clock: FakeClock, sales: Slow, lease: Lease
) -> None:
    """A worker that others may take for gone must claim nothing, though its store works."""
    service = await _fill(make_service, sales)
    drains = _make_drains(service)
    sales.seconds = STALLED
    with pytest.raises(StoreUnavailable, match="taken for gone"):
        await drains.drain("to sales", lease.take())
    assert len(sales.taken) == 1
    await drains.drain("to sales", lease.take())
    assert len(sales.taken) == 1
    sales.seconds, sales.lease = 0, lease
    lease.renew(WORKER, clock.monotonic())
    await drains.drain("to sales", lease.take())
    assert len(sales.taken) > 1


async def test_who_comes_back_after_a_silence_goes_on_with_nothing(
    make_service: MakeService, clock: FakeClock, sales: Slow, lease: Lease
) -> None:
    """A job that began before a worker was taken for gone is another's, though the worker lives again."""
    service = await _fill(make_service, sales)
    send = sales.send

    async def come_back(message: Message, place: Place = BY_ITSELF, **how: object) -> Receipt:
        receipt = await send(message, place, **how)  # type: ignore[arg-type]
        clock.advance(STALLED)
        lease.renew(WORKER, clock.monotonic())
        return receipt

    sales.send = come_back  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="taken for gone"):
        await _make_drains(service).drain("to sales", lease.take())
    assert len(sales.taken) == 1


async def test_who_was_overtaken_leaves_the_rest_to_the_heir(
    make_service: MakeService, sales: Slow, lease: Lease
) -> None:
    """Once a claim of its own has passed to another worker it must not go on beside that one."""
    service = await _fill(make_service, sales)
    send = sales.send

    async def be_overtaken(message: Message, place: Place = BY_ITSELF, **how: object) -> Receipt:
        receipt = await send(message, place, **how)  # type: ignore[arg-type]
        now = service.clock.now()
        await service.database.run(lambda books: books.outbox.recover(now, now, "to sales"))
        return receipt

    sales.send = be_overtaken  # type: ignore[method-assign]
    await _make_drains(service).drain("to sales", lease.take())
    assert len(sales.taken) == 1


async def test_what_is_for_a_receiver_of_newer_settings_is_left_to_who_has_them(
    make_service: MakeService, sales: Slow, lease: Lease
) -> None:
    """While settings are rolled out an older worker must not give up what only a newer one can send."""
    service = make_service(FakeSource(), sales=sales, is_alone=False)
    await service.start()
    new = Notification("n", "change", "case", "sales of tomorrow", "to sales", "status_changed")
    await service.database.run(lambda books: books.outbox.enqueue([new], service.clock.now()))
    await _make_drains(service).drain("to sales", lease.take())
    assert service.database.read_now(read_status).outbox == {"due": 1}
    alone = make_service(FakeSource(), sales=sales)
    await alone.dispatcher.drain(60)
    assert service.database.read_now(read_status).outbox == {"dead": 1}


async def test_a_job_that_was_slept_over_is_left_to_its_heir(
    make_service: MakeService, clock: FakeClock, sales: Slow, lease: Lease
) -> None:
    """Asleep between getting a job and beginning it, a worker must disturb nobody who has it by now."""
    service = await _fill(make_service, sales)
    hold = lease.take()
    clock.advance(STALLED)
    heir = await service.database.run(lambda books: books.outbox.claim("to sales", clock.now(), clock.now()))
    assert heir is not None
    # Its sign of life arrives before it goes on with what it was given.
    lease.renew(WORKER, clock.monotonic())
    await _make_drains(service).drain("to sales", hold)
    assert sales.taken == []
    assert await service.database.run(lambda books: books.outbox.is_claimed(heir))


async def test_who_does_not_know_a_receiver_says_so_once(
    make_service: MakeService, sales: Slow, lease: Lease
) -> None:
    """What only others can send comes up at every look: the log must not be filled with it."""
    drains = _make_drains(make_service(FakeSource(), sales=sales, is_alone=False))
    with capture_logs() as said:
        for _ in range(3):
            await drains.drain("to somebody else", lease.take())
    assert [one["destination"] for one in said] == ["to somebody else"]
