"""A database that was restored from a dump, with workers on it: nothing stands twice, and the doubt ends."""

import pytest

from tests.workers.conftest import SHOPS, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARK = "INSERT INTO restored (id, taken_at) SELECT 1, min(created_at) FROM outbox"


async def test_a_restored_database_is_looked_through_by_its_workers(site: Site) -> None:
    """What was posted since the backup must be found, and the mark go when everything was read twice."""
    # What cannot be read keeps the mark.
    site.world.restore_named()
    before = site.hire()
    await site.check()
    await site.dismiss(before)
    site.query(
        "UPDATE outbox SET state = 'due', settled_at = NULL, message_ref = '' WHERE state = 'delivered'"
    )
    site.query(MARK)
    crew = site.hire(), site.hire()
    await site.wait(lambda: site.query("SELECT count(*) FROM restored") == [(0,)], "the mark goes")
    await site.check()
    assert "was looked for" in site.log
    site.sign(SHOPS[0])
    await site.check()
    await site.dismiss(*crew)
