"""A worker that is gone, or only asleep: others take over, nothing is lost and nothing stands twice."""

import asyncio
import signal

import pytest

from notifier.domain.waypoints import Waypoint
from notifier.settings.model import DeliverySettings, SlackSettings, WorkerSettings
from notifier.workers.takeover import LOOK_SECONDS
from tests.workers.conftest import PATIENCE_SECONDS, SHOPS, STALLED_SECONDS, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

KILLED = -9


async def test_two_workers_tell_everything_once_and_end_in_peace(site: Site) -> None:
    """Whoever reads or delivers, all must be told once; SIGTERM must end both, and leave no job behind."""
    crew = site.hire(), site.hire()
    await site.check()
    site.sign(SHOPS[0])
    site.ask("P20000004")
    await site.check()
    await site.dismiss(*crew)
    await site.check()
    assert site.query("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == [(0,)]
    assert site.query("SELECT count(*) FROM procrastinate_workers") == [(0,)]


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        (Waypoint.READ, 1),
        (Waypoint.KEPT, 1),
        (Waypoint.CLAIMED, 2),
        (Waypoint.REQUESTING, 1),
        (Waypoint.ANSWERED, 2),
    ],
)
async def test_a_worker_killed_in_the_middle_is_replaced(site: Site, point: Waypoint, nth: int) -> None:
    """Killed in a poll, holding a claim, or between request and record, its work must be done by another."""
    victim = site.hire("--kill", f"{point}:{nth}")
    assert await victim.wait(PATIENCE_SECONDS) == KILLED
    heir = site.hire()
    site.ask("P20000004")
    await site.check()
    await site.dismiss(heir)


async def test_a_worker_asleep_past_its_claim_sends_and_records_nothing(site: Site) -> None:
    """Stopped before a request, taken for gone and woken again, it must not send what others have sent."""
    sleeper = site.hire("--stop", f"{Waypoint.REQUESTING}:1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await sleeper.stopped.wait()
    heir = site.hire()
    await site.check()
    posts = len(site.world.slack.posts)
    sleeper.send(signal.SIGCONT)
    await site.wait(lambda: "another process has taken over" in site.log, "the sleeper notices")
    await site.check()
    assert len(site.world.slack.posts) == posts
    site.ask("P20000004")
    await site.check()
    await site.dismiss(sleeper, heir)


async def test_a_worker_asleep_over_an_answer_turns_nothing_back(site: Site) -> None:
    """An answer that it read before it slept is older than what others recorded: none of it may be kept."""
    sleeper = site.hire("--stop", f"{Waypoint.READ}:1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await sleeper.stopped.wait()
    for shop in SHOPS:
        site.sign(shop)
    heir = site.hire()
    await site.check()
    changes = site.query("SELECT count(*) FROM changes")
    sleeper.send(signal.SIGCONT)
    await site.wait(lambda: "another worker was faster" in site.log, "the sleeper notices")
    await site.check()
    assert site.query("SELECT count(*) FROM changes") == changes
    await site.dismiss(sleeper, heir)


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
async def test_two_workers_may_disagree_about_the_time(site: Site, ahead: float) -> None:
    """With a clock an hour off, what it writes must be true by the database's clock."""
    crew = site.hire("--clock-ahead", str(ahead)), site.hire()
    await site.check()
    site.ask("P20000004")
    await site.check()
    await site.dismiss(crew[1])
    for shop in SHOPS:
        site.sign(shop)
    await site.check()
    await site.dismiss(crew[0])
    now = "extract(epoch FROM clock_timestamp()) * 1000000"
    wrong = f"abs(settled_at - {now}) > 120000000 OR abs(created_at - {now}) > 120000000"
    assert site.query(f"SELECT count(*) FROM outbox WHERE {wrong}") == [(0,)]  # noqa: S608


async def test_a_claim_has_run_out_and_all_is_taken_over_within_a_minute() -> None:
    """By the defaults, from the last sign of life to the last look at Slack it must be less than 60 s."""
    workers, delivery, slack = WorkerSettings(), DeliverySettings(), SlackSettings()
    noticed = workers.stalled_seconds + LOOK_SECONDS
    looked = slack.timeout_seconds + delivery.look_seconds
    assert noticed + looked + workers.tick_seconds < 60
    # A claim that was made with the last breath has run out when the worker is taken for gone.
    assert workers.heartbeat_seconds < workers.stalled_seconds
    assert workers.stalled_seconds > STALLED_SECONDS
