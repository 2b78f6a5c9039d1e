"""The paperwork of several lanes, done together; and what becomes of it when one of them cannot be served."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from notifier.domain.model import ConnectionKey
from notifier.domain.retry import RetryPolicy
from notifier.domain.storm import StormGuard
from notifier.domain.watch import AccountTarget
from notifier.errors import StoreError, StoreUnavailable
from notifier.service.claims import Claims, Taken
from notifier.service.desk import MANY, Answer, Desk, Errand
from notifier.service.doubts import Doubts
from notifier.service.ports import Books
from notifier.service.settlement import Kept, Settlement, Settlements
from notifier.service.storms import Storms
from notifier.store import claiming
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
    make_outcome,
)
from tests.service.conftest import MakeService, of_many

WHOLE = AccountTarget("dintero", ACCOUNT)


class Picky(Claims):
    """Cannot claim for one destination, as where a row of it is beyond reading."""

    def take(self, books: Books, wants: Mapping[str, datetime], now: datetime) -> dict[str, Taken]:
        """Fail for everybody who asks together with the bad one."""
        if "bad" in wants:
            raise StoreUnavailable("beyond reading")
        return super().take(books, wants, now)


def _make_desk(database: Database, clock: FakeClock, claims: type[Claims] = Picky) -> Desk:
    policy = RetryPolicy()
    settlements = Settlements(clock, policy, lambda: 0.5, Doubts(clock, policy))
    return Desk(database, clock, claims({}, Storms(StormGuard(0))), settlements, policy)


def _ask(desk: Desk) -> "asyncio.Future[list[Answer | BaseException]]":
    errands = [Errand(name, NOW, claims=True) for name in ("good", "bad", "fine")]
    return asyncio.gather(*map(desk.run, errands), return_exceptions=True)


async def test_one_that_cannot_be_served_keeps_nobody_from_it(database: Database, clock: FakeClock) -> None:
    """After a fault errands are run one by one, so that only the lane whose fault it is fails ever again."""
    desk = _make_desk(database, clock)
    assert all(isinstance(one, StoreError) for one in await _ask(desk))
    for _ in range(3):
        good, bad, fine = await _ask(desk)
        assert isinstance(bad, StoreError)
        assert good == fine == Answer()


async def test_an_errand_that_was_given_up_is_not_done(database: Database, clock: FakeClock) -> None:
    """A lane that has ended wants nothing more, and those beside it are served."""
    desk = _make_desk(database, clock)
    given_up = asyncio.ensure_future(desk.run(Errand("bad", NOW, claims=True)))
    staying = asyncio.ensure_future(desk.run(Errand("good", NOW, claims=True)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await staying == Answer()


class Giving(Claims):
    """Has a message for everybody."""

    def take(self, books: Books, wants: Mapping[str, datetime], now: datetime) -> dict[str, Taken]:
        """Give what nobody looks into."""
        return {name: Taken(cast("Any", None)) for name in wants}


@of_many
async def test_nobody_is_waited_for_who_was_given_up(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes that ended while they sent must not delay the others once they have come again."""
    timers: list[float] = []
    call_later = clock.call_later

    def count(seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        timers.append(seconds)
        return call_later(seconds, callback)

    monkeypatch.setattr(clock, "call_later", count)
    desk = _make_desk(database, clock, Giving)
    names = [f"lane {number}" for number in range(MANY)]
    await asyncio.gather(*(desk.run(Errand(name, NOW, claims=True)) for name in names))
    assert timers == []
    await asyncio.gather(*(desk.run(Errand(name, NOW)) for name in names))
    timers.clear()
    await desk.run(Errand("another", NOW))
    assert timers == []


async def test_lanes_that_have_news_at_once_claim_in_one_statement(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told in two places costs one transaction to claim, and one to record."""
    claimed: list[int] = []
    claim = claiming.claim

    def count(connection: Any, wants: Mapping[str, datetime], now: datetime) -> Any:
        claimed.append(len(wants))
        return claim(connection, wants, now)

    monkeypatch.setattr(claiming, "claim", count)
    service = make_service(FakeSource(make_account(make_connection("failed", make_outcome("failed")))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert (len(service.sales.taken), len(service.oncall.taken)) == (1, 1)
    # The first for both; the second, with the record of both, finds nothing more.
    assert claimed == [2, 2]


async def test_a_claim_whose_commit_took_effect_though_it_failed_is_sent_once(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a transaction of unknown outcome nothing of it may be stuck, and nothing told twice."""
    connections = [
        make_connection("failed", make_outcome("failed", number), key=ConnectionKey(ACCOUNT, name))
        for number, name in enumerate(("vipps", "swish", "klarna"))
    ]
    service = make_service(FakeSource(make_account(*connections)), sales=FakeReceiver("sales"))
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    run, faults = service.database.run, [1]

    async def run_badly(job: Callable[[Books], object]) -> object:
        done = await run(job)
        if service.sales.taken and faults:
            faults.pop()
            raise StoreUnavailable("no answer to the commit")
        return done

    monkeypatch.setattr(service.database, "run", run_badly)
    await service.dispatcher.drain(60)
    assert not faults
    assert (len(service.sales.taken), len(service.oncall.taken)) == (3, 3)
    assert service.database.read_now(read_status).outbox == {"delivered": 6}
    assert service.dispatcher.deliveries.delivered == 6


async def test_a_row_beyond_this_code_stops_no_other_lane(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no lane can take of its queue must be said once, and the others must be served meanwhile."""
    service = make_service(FakeSource(make_account(make_connection("failed", make_outcome("failed")))))
    take = Claims.take

    def stumble(self: Claims, books: Books, wants: Mapping[str, datetime], now: datetime) -> dict[str, Taken]:
        if "to oncall" in wants:
            raise ValueError("no such topic")
        return take(self, books, wants, now)

    monkeypatch.setattr(Claims, "take", stumble)
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    with capture_logs() as said:
        for _ in range(3):
            await service.dispatcher.drain(0)
    assert (len(service.sales.taken), service.oncall.taken) == (1, [])
    loud = [one for one in said if one["event"] == "a fault of the notifier's own"]
    assert [one["destination"] for one in loud if one["log_level"] == "error"].count("to oncall") == 1
    monkeypatch.setattr(Claims, "take", take)
    await service.dispatcher.drain(0)
    assert len(service.oncall.taken) == 1


async def test_an_outcome_that_cannot_be_recorded_stops_no_other_lane(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this code cannot record of one message must be tried again, and the others must go on."""
    service = make_service(FakeSource(make_account(make_connection("failed", make_outcome("failed")))))
    record, faults = Settlements.record, [1, 1, 1]

    def stumble(self: Settlements, books: Books, settlements: Sequence[Settlement]) -> list[Kept]:
        if faults and any(one.claim.notification.receiver == "oncall" for one in settlements):
            faults.pop()
            raise ValueError("no such outcome")
        return record(self, books, settlements)

    monkeypatch.setattr(Settlements, "record", stumble)
    await service.start(WHOLE)
    await service.poller.poll(WHOLE)
    await service.dispatcher.drain(60)
    assert not faults
    assert (len(service.sales.taken), len(service.oncall.taken)) == (1, 1)
    assert service.database.read_now(read_status).outbox == {"delivered": 2}


class End(BaseException):
    """What ends a process, and is no error."""


async def test_whatever_ends_a_transaction_is_heard_by_all_who_wait(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised below the store must reach each lane: one that is told nothing would wait for ever."""

    async def end(_job: Callable[[Books], Any]) -> None:
        raise End

    monkeypatch.setattr(database, "run", end)
    async with asyncio.timeout(20):
        found = await _ask(_make_desk(database, clock))
    assert [type(one) for one in found] == [End] * 3
