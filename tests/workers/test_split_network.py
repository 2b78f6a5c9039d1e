"""A worker that is cut off from everything: another one takes over, and nothing stands twice afterwards."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict

from notifier.domain.waypoints import Waypoint
from tests.postgres import Cluster
from tests.proxy import Proxy
from tests.workers.conftest import PATIENCE_SECONDS, SHOPS, Site
from tests.workers.split import Link, laid

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECOND: Final = 2
"""The first message has been sent by then: the next one goes over a connection that is there."""


@pytest.fixture
def link() -> Iterator[Link]:
    """Give a network that can be split."""
    with laid() as link:
        yield link


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Proxy]:
    """Give a way to PostgreSQL that a cable can be cut in: its socket is a file."""
    folder = str(conninfo_to_dict(cluster.find_url())["host"])
    with Proxy(str(Path(folder) / ".s.PGSQL.5432")) as way:
        yield way


@pytest.mark.parametrize("point", [Waypoint.REQUESTING, Waypoint.ANSWERED])
async def test_a_worker_that_is_cut_off_loses_and_doubles_nothing(
    link: Link, database: Proxy, site: Site, point: Waypoint
) -> None:
    """Cut off before it posts, or before it records that, it must leave all that to others for good."""
    name = conninfo_to_dict(site.url)["dbname"]
    url = f"postgresql://postgres@127.0.0.1:{database.port}/{name}"
    far = site.hire("--namespace", link.name, "--stop", f"{point}:{SECOND}", STORE__URL=url)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await far.stopped.wait()
    link.cut()
    far.send(signal.SIGCONT)
    near = site.hire()
    site.ask("P20000004")
    await site.check()
    link.heal()
    port = urlsplit(site.world.slack.base_url).port
    assert port is not None
    await site.wait(lambda: not link.count_unsent(port), "nothing is on its way any more")
    await site.dismiss(near)
    site.sign(SHOPS[0])
    await site.check()
    await site.dismiss(far)
