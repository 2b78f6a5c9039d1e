"""What is watched changes with the settings: who starts sees to it, and nobody reads by old ones."""

import pytest

from notifier.store.address import read_address
from notifier.workers.alone import reserved
from tests.workers.conftest import SHOPS, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _list_shards(site: Site) -> set[object]:
    return {row[0] for row in site.query("SELECT shard_id FROM shards")}


async def test_shards_come_and_go_with_the_settings(site: Site) -> None:
    """A source that is new must be read, one that is gone must not, and the rest must keep its marks."""
    first = site.hire()
    await site.check()
    await site.dismiss(first)
    before = _list_shards(site)
    assert before == {"partner/partner/P11200000", "shops/1-of-1", "desk/1-of-1"}
    marks = site.query("SELECT marks FROM shards WHERE shard_id = 'shops/1-of-1'")
    gone = {f"SOURCES__DESK__{name}": "" for name in ("BASE_URL", "ACCOUNT_ID", "CLIENT_ID")}
    gone |= {f"SOURCES__DESK__{name}": "" for name in ("CLIENT_SECRET", "ACCOUNTS", "CONNECTIONS")}
    second = site.hire(**gone)
    await site.wait(lambda: _list_shards(site) == before - {"desk/1-of-1"}, "the shard is retired")
    site.ask("P20000004")
    await site.check()
    await site.dismiss(second)
    assert site.query("SELECT length(marks) > 0 FROM shards WHERE shard_id = 'shops/1-of-1'") == [(True,)]
    assert marks


async def test_a_worker_with_other_settings_says_so_and_reads_nothing_by_them(site: Site) -> None:
    """Two workers whose settings differ must not read by both: the one that started last has planned."""
    old = site.hire(SOURCES__SHOPS__ACCOUNTS='["P10000001"]')
    await site.wait(lambda: site.query("SELECT 1 FROM shards WHERE version > 0"), "the first has read")
    new = site.hire()
    await site.wait(lambda: "was planned from other settings" in site.log, "the first one says so")
    await site.dismiss(old)
    site.sign(SHOPS[0])
    await site.check()
    await site.dismiss(new)


async def test_once_is_refused_while_workers_run(site: Site) -> None:
    """`run --once` beside workers would put in doubt what they send: it must say so, and do nothing."""
    worker = site.hire()
    await site.check()
    assert await site.world.run_once() == 1
    assert "workers run on" in site.log
    await site.dismiss(worker)
    site.ask("P20000004")
    site.world.restore_named()
    assert await site.world.run_once() == 0
    await site.check()


async def test_once_is_refused_while_another_one_is_at_work(site: Site) -> None:
    """Two `run --once` on one database would put in doubt what the other sends: the second must not begin."""
    async with reserved(read_address(site.url).parameters) as is_alone:
        assert is_alone
        assert await site.world.run_once() == 1
    assert "another `notifier run --once` works" in site.log
