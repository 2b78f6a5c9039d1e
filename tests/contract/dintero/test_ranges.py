"""Ranges of a partner's list, over real HTTP: what is walked between two places that are remembered."""

from dataclasses import replace

import pytest

from notifier.dintero import DinteroSource
from notifier.dintero import source as source_module
from notifier.domain.ranges import Cutter
from notifier.domain.watch import PartnerTarget
from notifier.errors import SourceNotFound, SourceRejected
from notifier.sandbox import SandboxDintero, answer
from tests.contract.dintero.conftest import ACCOUNT, EVERYTHING

LATER = "P00000050"
"""An account that has had its place in the middle of the list from the beginning, and comes later."""
IDS = (ACCOUNT, *(f"P000000{number:02}" for number in range(1, 10)))


@pytest.fixture(autouse=True)
def many(dintero: SandboxDintero, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ten accounts, and two on a page."""
    monkeypatch.setattr(source_module, "LIMIT", 2)
    for place, account_id in enumerate(IDS[1:], start=1):
        if place == 5:
            dintero.add_account(LATER)
            dintero.remove_account(LATER)
        dintero.add_account(account_id)


async def walk(source: DinteroSource, target: PartnerTarget) -> list[str]:
    """Walk, and return the accounts."""
    return [one.account_id async for page in source.walk(target, {}) for one in page]


async def divide(source: DinteroSource) -> tuple[PartnerTarget, ...]:
    """Walk the whole list, and return its parts of four accounts: two whole ones, and a rest of two."""
    cutter = Cutter(4)
    async for page in source.walk(EVERYTHING, {}):
        cutter.note(page)
    first, middle, last = (part.narrow(EVERYTHING) for part in cutter.finish())
    return first, middle, last


async def test_ranges_together_are_the_list(source: DinteroSource, dintero: SandboxDintero) -> None:
    """Each account must be on one of them, and none of them may ask for a page beyond its end."""
    parts = await divide(source)
    before = dintero.counts["accounts"]
    assert [await walk(source, part) for part in parts] == [[*IDS[:4]], [*IDS[4:8]], [*IDS[8:]]]
    # The last one alone has to see that nothing follows.
    assert dintero.counts["accounts"] - before == 2 + 2 + 2


async def test_who_comes_is_on_the_range_of_its_place(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A new account in the middle must be on its range, one at the end on the last, and no other move."""
    parts = await divide(source)
    dintero.add_account(LATER)
    dintero.add_account("P00000099")
    found = [await walk(source, part) for part in parts]
    assert found == [[*IDS[:4]], [IDS[4], LATER, *IDS[5:8]], [*IDS[8:], "P00000099"]]


async def test_who_leaves_moves_nobody(source: DinteroSource, dintero: SandboxDintero) -> None:
    """An account less in one range must change nothing in the others."""
    parts = await divide(source)
    dintero.remove_account(IDS[5])
    found = [await walk(source, part) for part in parts]
    assert found == [[*IDS[:4]], [IDS[4], *IDS[6:8]], [*IDS[8:]]]


async def test_without_its_last_account_a_range_runs_on(
    source: DinteroSource, dintero: SandboxDintero
) -> None:
    """Where the account that it ends with has left, whoever walks must see that it was not met."""
    first, middle, _ = await divide(source)
    dintero.remove_account(first.until)
    assert await walk(source, first) == [*IDS[:3], *IDS[4:]]
    # The cursor is that of a place: it is good whoever stood there.
    assert await walk(source, middle) == [*IDS[4:8]]


async def test_a_list_in_another_order_shows_it(source: DinteroSource, dintero: SandboxDintero) -> None:
    """Where the end of a range has come to stand before its beginning, it must run on to the list's end."""
    _, middle, _ = await divide(source)
    moved = replace(middle, until=IDS[1])
    assert await walk(source, moved) == [*IDS[4:]]


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceRejected), (404, SourceNotFound), (422, SourceRejected)]
)
async def test_a_cursor_that_is_refused_is_an_error(
    source: DinteroSource, dintero: SandboxDintero, status: int, error: type[Exception]
) -> None:
    """It must not pass for an empty range."""
    _, middle, _ = await divide(source)
    dintero.faults.add(answer(status).on("GET"))
    with pytest.raises(error):
        await walk(source, middle)
    if status == 400:
        with pytest.raises(SourceRejected):
            await walk(source, replace(middle, after="of-no-place"))
