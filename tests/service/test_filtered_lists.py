"""A list of those accounts in which somebody waits is an answer like any other, and may be wrong like any."""

from collections.abc import AsyncIterator, Mapping

import pytest

from notifier.domain.first_run import FirstRun
from notifier.domain.watch import AccountTarget, PartnerTarget, Sighting
from notifier.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from tests.service.conftest import MakeService, of_many
from tests.service.test_between_walks import IDS, PARTNER, SIGNED, Counting, begin, show

pytestmark = of_many


async def test_who_arrives_on_the_list_is_news(make_service: MakeService) -> None:
    """A merchant who signs up between two walks must be told of, whatever is said of a first run."""
    service, source = await begin(make_service, 10)
    source.filters = True
    service.poller._recorder._first_run = FirstRun.NONE
    told = len(service.sales.headlines)
    source.show(show("P00009999", "pending"))
    await service.poll(PARTNER)
    assert source.sifted == 1
    assert len(service.sales.headlines) == told + 1


@pytest.mark.parametrize(
    "error",
    [
        SourceRejected("Dintero refused the list (400).", status=400),
        SourceMalformed("Dintero gave no list.", status=200),
    ],
    ids=["refused", "no list"],
)
async def test_a_filter_that_is_refused_stops_no_look(make_service: MakeService, error: SourceError) -> None:
    """Where Dintero does not know the filter everybody who waits must be read alone, with no problem told."""

    class Refusing(Counting):
        async def sift(
            self, target: PartnerTarget, seen: Mapping[str, bytes]
        ) -> AsyncIterator[tuple[Sighting, ...]]:
            async for page in super().sift(target, seen):
                if page:
                    raise error
                yield page

    service, source = await begin(make_service, 10)
    source.__class__ = Refusing
    for _ in range(2):
        await service.poll(PARTNER)
    assert source.sifted == 1
    assert sorted(source.alone) == sorted(IDS[:10] * 2)
    assert service.poller.problems == {}


async def test_a_dintero_that_is_down_is_no_reason_to_distrust_it(make_service: MakeService) -> None:
    """After an outage the list must be asked for again at once."""
    service, source = await begin(make_service, 10)
    source.filters = True
    source.errors = [SourceUnavailable("no answer")]
    await service.poll(PARTNER)
    assert service.poller.problems == {str(PARTNER): "no answer"}
    await service.poll(PARTNER)
    assert (source.sifted, source.alone) == (2, [])


async def test_what_looks_as_it_did_is_compared_where_another_answer_lies_between(
    make_service: MakeService,
) -> None:
    """A signup that came back to the bytes that a walk knows must not keep the state that was read alone."""
    service, source = await begin(make_service, 2)
    source.show(show(IDS[0], "enabled"))
    await service.poll(PARTNER)
    source.show(show(IDS[0], "pending"))
    service.clock.advance(901)
    await service.poll(PARTNER)
    states = await service.database.run(lambda books: books.load_accounts([IDS[0]]))
    assert states[IDS[0]].connections["vipps"].status == "pending"


async def test_nothing_is_remembered_of_who_waits_no_more(make_service: MakeService) -> None:
    """What was read of an account alone must be forgotten when a walk shows that nobody waits in it."""
    service, source = await begin(make_service, 2)
    await service.poll(PARTNER)
    for one in IDS[:2]:
        source.show(show(one, "enabled"))
    service.clock.advance(901)
    await service.poll(PARTNER)
    alone = [AccountTarget("dintero", one) for one in IDS[:2]]
    assert [service.poller.memory.find_seen(one) for one in alone] == [None, None]


async def test_a_few_that_the_filter_cannot_name_are_read_beside_it(make_service: MakeService) -> None:
    """Who waits for what has no name in the filter must be read alone, and spoil it for nobody."""

    class Narrow(Counting):
        async def sift(
            self, target: PartnerTarget, seen: Mapping[str, bytes]
        ) -> AsyncIterator[tuple[Sighting, ...]]:
            async for page in super().sift(target, seen):
                if page[0].account_id not in IDS[:2]:
                    yield page

    service, source = await begin(make_service, 10)
    source.__class__, source.filters = Narrow, True
    for _ in range(2):
        await service.poll(PARTNER)
    assert (source.sifted, sorted(source.alone)) == (2, sorted(IDS[:2] * 2))
    source.show(show(IDS[0], "enabled"))
    await service.poll(PARTNER)
    assert service.sales.headlines[-1] == SIGNED
