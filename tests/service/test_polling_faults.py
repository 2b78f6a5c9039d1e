"""What polls make of answers that contradict each other, of a store that fails, and of limits."""

from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.model import ConnectionKey
from notifier.domain.pace import Pace
from notifier.domain.watch import AccountTarget, ConnectionTarget, Fingerprint, Reading
from notifier.errors import (
    SourceNotFound,
    SourceRateLimited,
    SourceUnavailable,
    StoreUnavailable,
    StoreUnclear,
)
from notifier.service.engine import Engine
from tests.fakes import (
    ACCOUNT,
    VIPPS,
    FakeSource,
    make_account,
    make_connection,
    make_request,
)
from tests.service.conftest import MakeService, Service

WHOLE = AccountTarget("dintero", ACCOUNT)
SINGLE = ConnectionTarget("dintero", VIPPS)
SWISH = ConnectionTarget("dintero", ConnectionKey(ACCOUNT, "swish"))
PENDING = make_connection("pending", make_request())


class Hasty(FakeSource):
    """A Dintero whose direct answers lag: so often they still show what is gone."""

    lags = 1

    async def confirm(self, key: ConnectionKey) -> "object":  # type: ignore[override]
        """Answer as before, for a while."""
        self.confirmed.append(key)
        if self.lags:
            self.lags -= 1
            return make_account(PENDING)
        return None


def make_engine(service: Service) -> Engine:
    """Return an engine around a service."""
    pace = Pace(60, 900, 1)
    parts = service.poller, service.dispatcher, service.database, service.clock
    return Engine((WHOLE,), *parts, pace, version="0", jitter=lambda: 0.5)


async def test_a_missing_sibling_ends_nothing_but_itself(make_service: MakeService) -> None:
    """Where the account cannot be read, a connection that is there must not be told as withdrawn."""

    class Narrow(FakeSource):
        async def confirm_account(self, account_id: str) -> None:
            del account_id

    service = make_service(Narrow(make_account(PENDING)))
    await service.start(SINGLE, SWISH)
    for _ in range(3):
        await service.poll(SINGLE, SWISH)
    assert service.sales.headlines == ["Signature needed"]
    assert "unknown to Dintero" in service.poller.problems[str(SWISH)]


async def test_a_confirmation_that_came_too_early_is_repeated(make_service: MakeService) -> None:
    """What the account does not show any more must be asked for until both answers agree."""
    service = make_service(Hasty(make_account(PENDING)))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account())
    for _ in range(4):
        await service.poll(WHOLE)
    assert service.sales.headlines[-1] == "The connection was withdrawn"


async def test_a_single_connection_is_asked_for_again_too(make_service: MakeService) -> None:
    """A connection that was not there, then there, then never again must be told as gone."""

    class Flickering(Hasty):
        is_gone = False

        async def read(
            self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
        ) -> Reading | None:
            if self.is_gone:
                raise SourceNotFound("none", status=404)
            return await super(Hasty, self).read(WHOLE, seen)

    source = Flickering(make_account(PENDING))
    service = make_service(source)
    await service.start(SINGLE)
    await service.poll(SINGLE)
    source.is_gone = True
    for _ in range(4):
        await service.poll(SINGLE)
    assert service.sales.headlines[-1] == "The connection was withdrawn"


async def test_what_could_not_be_written_is_written_later(make_service: MakeService) -> None:
    """A problem must be in the store, and out of it, also when the store failed at the wrong moment."""
    service = make_service(FakeSource(make_account(PENDING)))
    await service.start(WHOLE)
    real, fails = service.poller._book._store.run, [True]

    async def run(job: object) -> object:
        if fails:
            fails.pop()
            raise StoreUnavailable("locked")
        return await real(job)  # type: ignore[arg-type]

    service.source.errors = [SourceUnavailable("down")] * 2
    service.poller._book._store = type("Failing", (), {"run": staticmethod(run)})()
    await service.poll(WHOLE)
    assert service.database.run_now(lambda books: books.load_problems()) == {}
    await service.poll(WHOLE)
    assert service.database.run_now(lambda books: books.load_problems()) == {str(WHOLE): "down"}
    fails.append(True)
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    assert service.database.run_now(lambda books: books.load_problems()) == {}


async def test_after_a_start_without_answers_nothing_is_left_for_long(make_service: MakeService) -> None:
    """What was never read in this run must be asked for again soon: somebody may wait for it."""
    ids = [f"P{number:08}" for number in range(1, 12)]
    key = ConnectionKey
    source = FakeSource(
        *(make_account(replace(PENDING, key=key(one, "vipps")), account_id=one) for one in ids)
    )
    targets = [AccountTarget("dintero", one) for one in ids]
    service = make_service(source)
    await service.start(*targets)
    source.errors = [SourceUnavailable("the network is not up yet") for _ in ids]
    await service.poll(*targets)
    assert all(service.poller.is_pending(target) for target in targets)


async def test_a_source_is_left_alone_for_as_long_as_it_asks(make_service: MakeService) -> None:
    """A wish of an hour must hold for every target of the source."""
    service = make_service(FakeSource(make_account(PENDING)))
    await service.start(WHOLE)
    service.source.errors = [SourceRateLimited("slow down", status=429, retry_after_seconds=3_600)]
    await service.poll(WHOLE)
    assert service.poller.find_hold_seconds(SINGLE) == 3_600
    assert not service.poller.is_at_ease(SINGLE.source)
    service.clock.advance(3_601)
    assert service.poller.find_hold_seconds(SINGLE) == 0
    assert service.poller.is_at_ease(SINGLE.source), "what is over slows nothing down"


async def test_one_success_does_not_hide_what_was_not_kept(make_service: MakeService) -> None:
    """A single run must say that something could not be kept, also when something else could."""
    other = AccountTarget("dintero", "P99999999")
    service = make_service(FakeSource(make_account(PENDING), make_account(account_id="P99999999")))
    await service.start(WHOLE, other)
    real = service.poller._recorder.record

    async def record(snapshots: list[object], *rest: object, **how: object) -> object:
        if any(one.account.account_id == ACCOUNT for one in snapshots):  # type: ignore[attr-defined]
            raise StoreUnavailable("locked")
        return await real(snapshots, *rest, **how)  # type: ignore[arg-type]

    service.poller._recorder.record = record  # type: ignore[method-assign, assignment]
    await service.poll(WHOLE, other)
    assert service.poller.problems == {"store": "locked"}


async def test_an_answer_like_the_one_before_is_news_after_a_commit_that_was_unclear(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept without our knowing differs from what was seen before it: that must be compared again."""
    before = make_account(make_connection("pending", make_request()))
    service = make_service(FakeSource(before))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("failed", make_request())))
    run = service.database.run

    async def lose_the_answer(job: Any) -> Any:
        await run(job)
        raise StoreUnclear("lost while something was being committed")

    with monkeypatch.context() as patch:
        patch.setattr(service.database, "run", lose_the_answer)
        await service.poller.poll(WHOLE)
    service.source.show(before)
    await service.poll(WHOLE)
    known = service.database.run_now(lambda books: books.load_accounts([ACCOUNT]))
    assert known[ACCOUNT].connections["vipps"].status == "pending"
