"""Between two walks through a partner's accounts, those in which somebody waits are looked at."""

from collections.abc import AsyncIterator, Mapping

import pytest

from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
)
from notifier.errors import (
    SourceError,
    SourceMalformed,
    SourceNotFound,
    SourceUnauthorized,
    SourceUnavailable,
)
from notifier.service.poller import Poller
from tests.fakes import FakeSource, make_account, make_connection, make_outcome, make_request
from tests.service.conftest import MakeService, Service

PARTNER = PartnerTarget("dintero", "P11200000")
IDS = [f"P{number:08}" for number in range(1, 21)]
SIGNED = "Signed: the connection is enabled"


class Counting(FakeSource):
    """Counts walks and reads; accounts in `forbidden` may not be read alone."""

    def __init__(self, *snapshots: AccountSnapshot) -> None:
        super().__init__(*snapshots)
        self.walks = 0
        self.alone: list[str] = []
        self.forbidden = False

    async def walk(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Count it, and walk."""
        self.walks += 1
        async for page in super().walk(target, seen):
            yield page

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Count it, and answer."""
        assert isinstance(target, AccountTarget)
        self.alone.append(target.account_id)
        if self.forbidden:
            raise SourceUnauthorized("not alone", status=403)
        return await super().read(target, seen)


def show(account_id: str, status: str) -> AccountSnapshot:
    """Return an account that waits for a signature, or has got it."""
    key = ConnectionKey(account_id, "vipps")
    outcome = () if status == "pending" else (make_outcome(status),)
    return make_account(make_connection(status, make_request(), *outcome, key=key), account_id=account_id)


async def begin(make_service: MakeService, pending: int) -> tuple[Service, Counting]:
    """Return a service that has walked once, in front of so many accounts in which somebody waits."""
    source = Counting(
        *(show(one, "pending" if place < pending else "enabled") for place, one in enumerate(IDS))
    )
    service = make_service(source)
    service.poller = Poller(
        {"dintero": source},
        service.database,
        service.poller._recorder,
        service.clock,
        service.dispatcher.wake,
        walk_interval_seconds=900,
    )
    await service.start(PARTNER)
    await service.poll(PARTNER)
    assert source.walks == 1
    return service, source


async def test_only_those_who_wait_are_read(make_service: MakeService) -> None:
    """One request for each of a few, none for the others, and what has changed must be told at once."""
    service, source = await begin(make_service, 2)
    await service.poll(PARTNER)
    await service.poll(PARTNER)
    assert (source.walks, sorted(source.alone)) == (1, sorted(IDS[:2] * 2))
    source.show(show(IDS[0], "enabled"))
    await service.poll(PARTNER)
    assert service.sales.headlines[-1] == SIGNED
    source.alone.clear()
    await service.poll(PARTNER)
    assert (source.walks, source.alone) == (1, IDS[1:2])


async def test_a_list_that_tears_is_walked_no_more_than_a_quarter_of_the_time(
    make_service: MakeService,
) -> None:
    """Where each walk fails late, those who wait must be looked at all the same, and the fault stand."""
    service, source = await begin(make_service, 1)
    service.clock.advance(901)
    walk = source.walk

    async def walk_slowly(
        target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        async for page in walk(target, seen):
            yield page
        service.clock.advance(100)
        raise SourceUnavailable("no answer")

    source.walk = walk_slowly  # type: ignore[method-assign]
    polls, source.walks = 40, 0
    source.alone.clear()
    for _ in range(polls):
        await service.poll(PARTNER)
        assert service.poller.problems == {str(PARTNER): "no answer"}
        service.clock.advance(60)
    # 40 minutes and the walks themselves, of which each takes 100 seconds and is followed by 300.
    assert 7 <= source.walks <= 8
    assert len(source.alone) == polls
    source.walk = walk  # type: ignore[method-assign]
    service.clock.advance(300)
    await service.poll(PARTNER)
    assert not service.poller.problems


async def test_when_nobody_waits_nothing_is_asked(make_service: MakeService) -> None:
    """Between two walks nothing must be asked of Dintero where there is nothing to wait for."""
    service, source = await begin(make_service, 0)
    await service.poll(PARTNER)
    assert (source.walks, source.alone, source.sifted) == (1, [], 0)
    service.clock.advance(901)
    await service.poll(PARTNER)
    assert source.walks == 2


async def test_many_are_read_by_the_filter(make_service: MakeService) -> None:
    """Where the list can be filtered, many are read by it, and only who is missing on it is read alone."""
    service, source = await begin(make_service, 10)
    source.filters = True
    await service.poll(PARTNER)
    assert (source.sifted, source.alone) == (1, [])
    source.show(show(IDS[3], "enabled"))
    await service.poll(PARTNER)
    assert (source.sifted, source.alone) == (2, [IDS[3]])
    assert service.sales.headlines[-1] == SIGNED
    await service.poll(PARTNER)
    assert (source.sifted, source.alone) == (3, [IDS[3]])


async def test_a_filter_that_is_ignored_is_not_trusted(make_service: MakeService) -> None:
    """A list with others on it must not be walked to its end, nor asked for again for a day."""
    service, source = await begin(make_service, 10)
    for _ in range(3):
        await service.poll(PARTNER)
    assert source.sifted == 1
    assert sorted(source.alone) == sorted(IDS[:10] * 3)


async def test_a_filter_that_hides_somebody_is_not_trusted(make_service: MakeService) -> None:
    """Who is not on the list and waits all the same must be found, and the list be left alone for a day."""

    class Hiding(Counting):
        async def sift(
            self, target: PartnerTarget, seen: Mapping[str, bytes]
        ) -> AsyncIterator[tuple[Sighting, ...]]:
            self.sifted += 1
            async for page in self.walk(target, seen):
                if page[0].account_id in IDS[:5]:
                    yield page

    service, source = await begin(make_service, 10)
    source.__class__ = Hiding
    await service.poll(PARTNER)
    await service.poll(PARTNER)
    assert source.sifted == 1
    assert sorted(source.alone) == sorted([*IDS[5:10], *IDS[:10]])


async def test_who_may_not_be_read_alone_is_walked(make_service: MakeService) -> None:
    """Where single accounts are forbidden, every look must be a walk, and no problem be told."""
    service, source = await begin(make_service, 2)
    source.forbidden = True
    await service.poll(PARTNER)
    await service.poll(PARTNER)
    assert source.walks == 3
    assert len(source.alone) <= 2
    assert service.poller.problems == {}


async def test_one_that_cannot_be_read_is_a_problem(make_service: MakeService) -> None:
    """A look that fails must be told like a walk that fails, and the next one must try again."""
    service, source = await begin(make_service, 2)
    source.errors = [SourceUnavailable("no answer")]
    await service.poll(PARTNER)
    assert service.poller.problems == {str(PARTNER): "no answer"}
    await service.poll(PARTNER)
    assert service.poller.problems == {}


async def test_one_that_has_left_is_for_the_walks_to_find(make_service: MakeService) -> None:
    """404 for a single account must end nothing before two walks agree."""
    service, source = await begin(make_service, 2)
    source.errors = [SourceNotFound("there is none", status=404)]
    told = list(service.sales.headlines)
    await service.poll(PARTNER)
    assert (service.poller.problems, service.sales.headlines) == ({}, told)
    del source.accounts[IDS[0]]
    for _ in range(2):
        service.clock.advance(901)
        await service.poll(PARTNER)
    assert service.sales.headlines == [*told, "The connection was withdrawn"]


@pytest.mark.parametrize("seconds", [0, 100])
async def test_walks_leave_time_between_them(make_service: MakeService, seconds: float) -> None:
    """However long a walk takes, walks must take a quarter of the time at the most."""
    service, source = await begin(make_service, 0)
    service.poller._walker._interval_seconds = 60

    class Slow(Counting):
        async def walk(
            self, target: PartnerTarget, seen: Mapping[str, bytes]
        ) -> AsyncIterator[tuple[Sighting, ...]]:
            service.clock.advance(seconds)
            async for page in super().walk(target, seen):
                yield page

    source.__class__ = Slow
    service.clock.advance(901)
    await service.poll(PARTNER)
    assert source.walks == 2
    service.clock.advance(max(60, 3 * seconds) - 1)
    await service.poll(PARTNER)
    assert source.walks == 2
    service.clock.advance(2)
    await service.poll(PARTNER)
    assert source.walks == 3


@pytest.mark.parametrize(
    "error", [SourceMalformed("the list is torn"), SourceUnavailable("no list")], ids=["torn", "down"]
)
async def test_a_walk_that_cannot_end_keeps_nobody_waiting(
    make_service: MakeService, error: SourceError
) -> None:
    """Who waits behind what cannot be read on the list must be read alone, and the fault be told."""

    class Torn(Counting):
        async def walk(
            self, target: PartnerTarget, seen: Mapping[str, bytes]
        ) -> AsyncIterator[tuple[Sighting, ...]]:
            async for page in super().walk(target, seen):
                yield page
                raise error

    service, source = await begin(make_service, 2)
    source.__class__ = Torn
    source.show(show(IDS[1], "enabled"))
    service.clock.advance(901)
    await service.poll(PARTNER)
    assert service.sales.headlines[-1] == SIGNED
    assert service.poller.problems == {str(PARTNER): str(error)}
