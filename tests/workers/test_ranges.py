"""A large partner's list is read in ranges by several workers; only a walk through all says who has left."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from notifier.domain.waypoints import Waypoint
from tests.chaos.nursery import Nursery
from tests.postgres import Cluster
from tests.workers.conftest import PATIENCE_SECONDS, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOPS: Final = tuple(f"P200000{number:02}" for number in range(1, 13))
LATER: Final = "P20000050"
"""An account whose place is in the middle of the list, and who comes later."""
SMALL: Final = ("--range-accounts", "4", "--page-accounts", "2")
KILLED: Final = -9


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    nursery: Nursery, cluster: Cluster, tmp_path: Path, new_postgres_store: str
) -> AsyncIterator[Site]:
    """Give a site whose partner has twelve merchants, three ranges of four, each with something to sign."""
    async with open_site(nursery, cluster, tmp_path, new_postgres_store) as site:
        for place, shop in enumerate(SHOPS):
            if place == len(SHOPS) // 2:
                site.world.dintero.add_account(LATER)
                site.world.dintero.remove_account(LATER)
            site.ask(shop)
        yield site


def read_whole(site: Site) -> tuple[object, object]:
    """Return how often the whole list was begun to be walked, and how many parts it has now."""
    query = "SELECT version, parts FROM shards WHERE shard_id LIKE '%/partner/%' AND base_id = ''"
    ((version, parts),) = site.query(query)
    return version, parts


async def wait_until_divided(site: Site) -> object:
    """Wait until everything is told and the list has parts; return how often all of it was walked."""
    await site.check()
    await site.wait(lambda: read_whole(site)[1] == 3, "the list is divided")
    return read_whole(site)[0]


async def test_two_workers_share_a_partner(site: Site) -> None:
    """What is new in every range must be told once, by both workers, without another walk through all."""
    crew = site.hire(*SMALL), site.hire(*SMALL)
    walks = await wait_until_divided(site)
    for shop in (SHOPS[0], SHOPS[5], SHOPS[11]):
        site.sign(shop)
    await site.check()
    site.ask(LATER)
    site.ask("P20000099")
    await site.check()
    readers: set[object] = set()

    def is_shared() -> bool:
        readers.update(name for (name,) in site.query("SELECT ran_by FROM shards WHERE base_id <> ''"))
        return len(readers - {""}) == len(crew)

    await site.wait(is_shared, "both workers read ranges")
    assert read_whole(site) == (walks, 3), site.log[-3000:]
    await site.dismiss(*crew)


async def test_who_leaves_is_found_by_the_full_walk_that_was_asked_for(site: Site) -> None:
    """An account that two walks through its range miss must be told to be gone by walks through all."""
    crew = site.hire(*SMALL), site.hire(*SMALL)
    await wait_until_divided(site)
    site.ledger.note(SHOPS[5], "vipps", "withdrawn")
    site.world.dintero.remove_account(SHOPS[5])
    await site.check()
    assert "an account was missing twice" in site.log
    await wait_until_divided(site)
    site.sign(SHOPS[6])
    await site.check()
    await site.dismiss(*crew)


async def test_the_range_of_a_killed_worker_is_taken_over(site: Site) -> None:
    """Killed while it reads a range, a worker must be replaced in it, and nothing be lost or told twice."""
    pages = len(SHOPS) // 2
    victim = site.hire(*SMALL, "--kill", f"{Waypoint.READ}:{pages + 2}")
    walks = await wait_until_divided(site)
    for shop in SHOPS[::4]:
        site.sign(shop)
    assert await victim.wait(PATIENCE_SECONDS) == KILLED
    heir = site.hire(*SMALL)
    await site.check()
    assert read_whole(site) == (walks, 3), site.log[-3000:]
    await site.dismiss(heir)


async def test_ranges_that_are_lost_are_walked_as_a_whole(site: Site) -> None:
    """Without the rows of the ranges, as an older version leaves them, the whole list must be read."""
    worker = site.hire(*SMALL)
    walks = await wait_until_divided(site)
    site.query("DELETE FROM shards WHERE shard_id LIKE '%.00001'")
    site.sign(SHOPS[5])
    await site.check()
    await site.wait(lambda: read_whole(site)[1] == 3, "the list is divided again")
    assert read_whole(site)[0] != walks
    await site.dismiss(worker)
