"""Reads that begin before there is an engine are used once, soon, or not at all."""

import asyncio

from notifier.domain.watch import AccountTarget, PartnerTarget
from notifier.errors import SourceUnavailable
from notifier.service.head_start import FRESH_SECONDS, HeadStart
from notifier.service.poller import Poller
from tests.fakes import ACCOUNT, FakeClock, FakeSource, make_account, make_connection, make_request
from tests.service.conftest import MakeService

WHOLE = AccountTarget("dintero", ACCOUNT)
PARTNER = PartnerTarget("dintero", "P11200000")


def _make(*, clock: FakeClock | None = None) -> tuple[FakeSource, HeadStart]:
    source = FakeSource(make_account(make_connection("pending", make_request())))
    return source, HeadStart({"dintero": source}, clock or FakeClock())


async def test_a_read_is_taken_once() -> None:
    """The second poll of a target must ask anew: it is told from the first by what that one saw."""
    _, early = _make()
    early.begin([WHOLE])
    read = early.take(WHOLE)
    assert read is not None
    assert await read is not None
    assert early.take(WHOLE) is None


async def test_a_read_of_long_ago_is_not_taken() -> None:
    """A store that takes long to open must not be told what was so before."""
    clock = FakeClock()
    _, early = _make(clock=clock)
    early.begin([WHOLE])
    clock.advance(FRESH_SECONDS + 1)
    assert early.take(WHOLE) is None
    await early.close()


async def test_a_partner_is_not_read_early() -> None:
    """A walk writes page by page, so it must begin with the engine."""
    _, early = _make()
    early.begin([PARTNER])
    assert early.take(PARTNER) is None


async def test_what_nobody_takes_ends_quietly() -> None:
    """A failed read and an endless one must both be over when the head start is closed."""
    source, early = _make()
    source.errors.append(SourceUnavailable("away"))
    early.begin([WHOLE])
    await asyncio.sleep(0)
    before = asyncio.all_tasks()
    await early.close()
    assert all(task.done() for task in before - {asyncio.current_task()})


async def test_the_first_poll_takes_what_is_on_its_way(make_service: MakeService) -> None:
    """What an early read found must be told as if the poll itself had asked, and asked for only once."""
    source, early = _make()
    service = make_service(source)
    service.poller = Poller(
        {"dintero": source},
        service.database,
        service.poller._recorder,
        service.clock,
        service.dispatcher.wake,
        early.take,
    )
    early.begin([WHOLE])
    await asyncio.sleep(0)
    # Whoever asks now fails: only the early read has an answer.
    source.errors.append(SourceUnavailable("away"))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.headlines == ["Signature needed"]
    await service.poll(WHOLE)
    assert service.poller.tally.failed == 1


async def test_an_early_failure_is_the_polls_own(make_service: MakeService) -> None:
    """An early read that failed must become a problem of its target, as a poll's does."""
    source, early = _make()
    service = make_service(source)
    service.poller._take_early = early.take
    source.errors.append(SourceUnavailable("Dintero is away"))
    early.begin([WHOLE])
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert service.poller.problems == {str(WHOLE): "Dintero is away"}
