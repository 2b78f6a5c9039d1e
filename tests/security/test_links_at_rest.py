"""A signature link is kept only as long as somebody may need it, and then it is nowhere in the files."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from notifier.domain.model import ConnectionKey, Signup
from notifier.domain.watch import AccountTarget
from notifier.store import links
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeClock,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.security.keeping import GRACE, LINK, TARGET, Keeping, Start, count_in_files, query

HOUR = 3600
OPEN = make_connection("pending", make_request(link=LINK))
SIGNED = make_connection("enabled", make_request(link=LINK), make_outcome("enabled"))


async def settle(run: Keeping) -> None:
    """Let a case be asked for a signature, told, and signed."""
    await run.start()
    await run.poll()
    run.source.show(make_account(SIGNED))
    await run.poll()


async def test_a_link_stays_while_its_case_is_open(start: Start, clock: FakeClock) -> None:
    """However long nobody signs, the link stays until the application itself expires."""
    run = start(FakeSource(make_account(OPEN)))
    await run.start()
    await run.poll()
    clock.advance(10 * 24 * HOUR)
    await run.keeper.tend()
    assert run.read_links() == [LINK]
    clock.advance(3 * 24 * HOUR + GRACE.total_seconds())
    await run.keeper.tend()
    assert run.read_links() == [None]


async def test_a_link_is_erased_after_its_case(start: Start, clock: FakeClock, path: Path) -> None:
    """Once it is signed, and the grace time is over, the link is in no file; its digest stays."""
    run = start(FakeSource(make_account(OPEN)))
    await settle(run)
    clock.advance(GRACE.total_seconds() - 60)
    await run.keeper.tend()
    assert LINK in run.read_links()
    clock.advance(60)
    await run.keeper.tend()
    assert count_in_files(path) == 0
    assert any(digest for (digest,) in query(path, "SELECT link_digest FROM events"))


@pytest.mark.parametrize("ending", ["gone", "superseded", "unwatched"])
async def test_every_end_of_a_case_erases(start: Start, clock: FakeClock, path: Path, ending: str) -> None:
    """A case that was withdrawn, replaced by another, or is no longer watched, keeps no link."""
    run = start(FakeSource(make_account(OPEN)))
    await run.start()
    await run.poll()
    if ending == "gone":
        run.source.show(make_account())
        await run.poll()
    elif ending == "superseded":
        newer = replace(OPEN, signups=(Signup("signup-2", NOW, NOW + timedelta(days=30)),), events=())
        run.source.show(make_account(newer))
        await run.poll()
    else:
        await run.poller.start((AccountTarget("dintero", "P00000001"),))
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    assert count_in_files(path) == 0


async def test_what_is_deleted_is_overwritten(start: Start) -> None:
    """SQLite overwrites what it deletes, wherever it was built."""
    run = start(FakeSource())
    assert run.database.read_now(lambda one: one.execute(text("PRAGMA secure_delete")).scalar()) == 1


async def test_polls_do_not_bring_an_erased_link_back(start: Start, clock: FakeClock) -> None:
    """Dintero shows the link for ever: it is neither kept nor told again, in this run or the next."""
    run = start(FakeSource(make_account(OPEN)))
    await settle(run)
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    told = len(run.sales.taken)
    run.source.show(make_account(replace(SIGNED, updated_at=clock.now())))
    await run.poll()
    assert run.read_links() == [None, None]
    again = start(run.source)
    await again.start()
    await again.poll()
    assert again.read_links() == [None, None]
    assert (told, again.sales.taken) == (2, [])


async def test_a_link_that_nobody_can_use_is_never_kept(start: Start, path: Path) -> None:
    """What is over when it is first seen leaves no link behind."""
    run = start(FakeSource(make_account(SIGNED)))
    await run.start()
    await run.poll()
    assert run.read_links() == [None, None]
    assert count_in_files(path) == 0


async def test_a_case_that_opens_again_gets_its_link_back(start: Start, clock: FakeClock) -> None:
    """The link is kept again, and only the new status is told."""
    run = start(FakeSource(make_account(OPEN)))
    await settle(run)
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    run.source.show(make_account(OPEN))
    await run.poll()
    assert run.read_links().count(LINK) == 1
    assert run.sales.headlines[2:] == ["The connection is pending again"]


async def test_a_late_message_of_an_erased_link_says_how_things_stand(start: Start, clock: FakeClock) -> None:
    """A message that could not be sent until its link was erased offers no link and asks for nothing."""
    run = start(FakeSource(make_account(OPEN)))
    await run.start()
    await run.poller.poll(TARGET)
    run.source.show(make_account(SIGNED))
    await run.poller.poll(TARGET)
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    await run.dispatcher.drain(0)
    assert run.sales.headlines[0] == "A signature was asked for; the connection has since been enabled"
    assert run.sales.taken[0].action is None


async def test_many_links_are_erased_in_batches(
    start: Start, clock: FakeClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction looks at more than a batch, and none is left out."""
    monkeypatch.setattr(links, "BATCH_EVENTS", 7)
    keys = [ConnectionKey(ACCOUNT, f"c{number:02}") for number in range(30)]
    asked = [make_connection("pending", make_request(link=f"{LINK}/{key}"), key=key) for key in keys]
    run = start(FakeSource(make_account(*asked)))
    await run.start()
    await run.poll()
    assert count_in_files(path) >= 30
    ended = [make_connection("failed", make_request(link=f"{LINK}/{key}"), key=key) for key in keys]
    run.source.show(make_account(*ended))
    await run.poll()
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    assert run.read_links() == [None] * 30


async def test_copies_that_sqlite_leaves_behind_are_gone_after_a_day(
    start: Start, clock: FakeClock, path: Path
) -> None:
    """Rows that SQLite moved leave copies that it never overwrites: writing the file anew removes them."""
    keys = [ConnectionKey(ACCOUNT, f"c{number:03}") for number in range(400)]

    def show(status: str) -> None:
        asked = (make_connection(status, make_request(link=f"{LINK}/{key}"), key=key) for key in keys)
        run.source.show(make_account(*asked))

    run = start(FakeSource())
    await run.start()
    show("pending")
    await run.poller.poll(TARGET)
    churn(path)
    show("declined")
    await run.poller.poll(TARGET)
    clock.advance(GRACE.total_seconds() + 60)
    await run.keeper.tend()
    assert run.read_links() == [None] * 400
    clock.advance(25 * HOUR)
    await run.keeper.tend()
    assert count_in_files(path) == 0


def churn(path: Path) -> None:
    """Let rows grow and shrink, so that SQLite moves them between pages."""
    numbers = random.Random(1)  # noqa: S311
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        keys = [key for (key,) in connection.execute("SELECT event_key FROM events")]
        connection.execute("BEGIN")
        for _ in range(4000):
            description = "d" * numbers.randint(0, 600)
            connection.execute(
                "UPDATE events SET description=? WHERE event_key=?", (description, numbers.choice(keys))
            )
        connection.execute("COMMIT")
