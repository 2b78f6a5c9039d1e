"""Killed at every point where something may be left half done: nothing is lost, nothing stands twice.

Each story has a store, a Dintero and a Slack of its own, and plays beside the others: they mostly wait.
"""

import asyncio
import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import notifier
from notifier.domain.retry import RetryPolicy
from notifier.domain.waypoints import Waypoint
from notifier.sandbox import Fault, delay, hang, reset
from notifier.store.migrations import migrate
from tests.chaos.ledger import Ledger, compare
from tests.chaos.merchants import Does, perform
from tests.chaos.nursery import Life, Nursery
from tests.chaos.world import NAMED_CONNECTIONS, World, open_world, until

KILLED: Final = -9
BOUND_SECONDS: Final = 40.0

PARTS: Final = 4
STAGES: Final = 4
"""So many stories play at the same time in one worker."""
ASLEEP: Final = ("--asleep", f"{RetryPolicy().claim_seconds * 2}")
"""On waking, a stopped process finds that so many seconds have passed: a claim is good for half of them."""
FIRST_REVISION: Final = "0001"
SHOP: Final = "P20000001"
PATIENCE: Final = {"SLACK__TIMEOUT_SECONDS": "0.5", "DELIVERY__LOOK_SECONDS": "0.5"}
POST: Final = ("POST", "chat.postMessage")

AT_THE_END: Final = (Waypoint.STOPPING, Waypoint.STOPPED, Waypoint.GONE)
AT_A_NEW_STORE: Final = (Waypoint.MIGRATING, Waypoint.MIGRATED)
PASSED_ONCE: Final = {Waypoint.TAKEN_OVER, Waypoint.MIGRATED, Waypoint.CONFIRMED, *AT_THE_END}
TIMES: Final = {
    **dict.fromkeys(Waypoint, 3),
    **dict.fromkeys((Waypoint.READ, Waypoint.DETECTED, Waypoint.KEPT, Waypoint.LOOKING, Waypoint.LOOKED), 2),
    **dict.fromkeys((Waypoint.COMMITTING, Waypoint.COMMITTED), 8),
    **dict.fromkeys(PASSED_ONCE, 1),
}
"""How many passages of each point are tried, the nth in the nth story."""
PASSAGES: Final = [(point, nth) for point, times in TIMES.items() for nth in range(1, times + 1)]

in_session = pytest.mark.asyncio(loop_scope="session")


def begin_three(world: World, ledger: Ledger) -> None:
    """Let three connections, each read in another way, come to a request and two of them to an end."""
    for account_id in (SHOP, NAMED_CONNECTIONS[0]):
        world.dintero.add_account(account_id, business_name="Fjordbris Sport AS")
        world.dintero.apply(account_id, "vipps")
        perform(Does.ASKS, world, ledger, account_id, "vipps")
    world.dintero.apply(SHOP, "swish")
    perform(Does.ASKS, world, ledger, SHOP, "swish")
    perform(Does.SIGNS, world, ledger, SHOP, "vipps")
    perform(Does.FAILS, world, ledger, SHOP, "swish")


def go_on(world: World, ledger: Ledger) -> None:
    """Let something happen while nobody looks, and after something that may be half done."""
    perform(Does.FAILS, world, ledger, NAMED_CONNECTIONS[0], "vipps")
    world.dintero.apply(SHOP, "klarna")
    perform(Does.ASKS, world, ledger, SHOP, "klarna")


async def check_end(world: World, ledger: Ledger) -> None:
    """Let the program finish, and fail if what stands in Slack is not what should."""
    world.slack.faults.clear()
    assert set(await world.settle()) <= {"delivered", "covered"}
    found = compare(ledger.list_due(), world.board)
    assert found.is_clean, found


async def die_at(nursery: Nursery, folder: Path, point: Waypoint, nth: int) -> None:
    """Play one story: killed there, started again, compared."""
    async with open_world(nursery, folder, settings=PATIENCE) as world:
        ledger = Ledger(world.dintero)
        begin_three(world, ledger)
        # One message arrives and nobody is told so, one does not arrive: both are looked for.
        world.slack.faults.add(reset(after_effect=True).on(*POST), reset().on(*POST, after=1))
        if point is Waypoint.CONFIRMED:
            await world.settle()
            perform(Does.VANISHES, world, ledger, SHOP, "swish")
        life = world.run("--kill", f"{point}:{nth}")
        if point in AT_THE_END:
            assert await until(lambda: world.slack.posts, BOUND_SECONDS)
            life.send(signal.SIGTERM)
        assert await life.wait(BOUND_SECONDS) == KILLED, f"{point} was not reached for the {nth}. time"
        go_on(world, ledger)
        await check_end(world, ledger)


def test_every_waypoint_is_passed_by_the_program() -> None:
    """Each member must stand in the program, or a story about it would prove nothing."""
    sources = Path(notifier.__file__).parent.rglob("*.py")
    reached = {name for one in sources for name in re.findall(r"reach\(Waypoint\.(\w+)\)", one.read_text())}
    assert reached == {point.name for point in Waypoint}
    assert {point for point, _ in PASSAGES} == set(Waypoint)


@in_session
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_process_killed_at_any_waypoint_loses_and_doubles_nothing(
    nursery: Nursery, tmp_path: Path, new_store: Path, part: int
) -> None:
    """Killed at each passage of each point, the next process must leave exactly what Dintero recorded."""
    waiting = iter(PASSAGES[part::PARTS])

    async def play() -> None:
        for point, nth in waiting:
            folder = tmp_path / f"{point}-{nth}"
            folder.mkdir()
            if point not in AT_A_NEW_STORE:
                shutil.copy(new_store, folder / "notifier.db")
            await die_at(nursery, folder, point, nth)

    async with asyncio.TaskGroup() as stages:
        for _ in range(STAGES):
            stages.create_task(play())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("fault", [hang(after_effect=True), delay(0.4)], ids=["taken", "taken later"])
@in_session
async def test_a_request_that_is_on_its_way_is_neither_lost_nor_repeated(
    nursery: Nursery, tmp_path: Path, number: signal.Signals, fault: Fault
) -> None:
    """Ended while Slack works on a message, even if it takes it only after that, it must stand there once."""
    async with open_world(nursery, tmp_path, settings=PATIENCE) as world:
        ledger = Ledger(world.dintero)
        begin_three(world, ledger)
        world.slack.faults.add(fault.on(*POST, times=2))
        life = world.run()
        assert await until(lambda: _count_posts(world), BOUND_SECONDS)
        life.send(number)
        assert await life.wait(BOUND_SECONDS) in {KILLED, 0}
        go_on(world, ledger)
        await check_end(world, ledger)


@in_session
async def test_a_process_that_slept_past_its_claim_sends_nothing_on_it(
    nursery: Nursery, tmp_path: Path
) -> None:
    """Stopped between claim and request for longer than the claim is good for, it must claim anew first."""
    async with open_world(nursery, tmp_path, settings=PATIENCE) as world:
        ledger = Ledger(world.dintero)
        begin_three(world, ledger)
        life = world.run("--stop", f"{Waypoint.REQUESTING}:1", *ASLEEP)
        await _see_stopped(life)
        assert _count_posts(world) == 0
        life.send(signal.SIGCONT)
        assert await until(lambda: not compare(ledger.list_due(), world.board).lost, BOUND_SECONDS)
        assert "this process was held up for too long" in (tmp_path / "err").read_text()
        life.send(signal.SIGTERM)
        assert await life.wait(BOUND_SECONDS) == 0
        await check_end(world, ledger)


@in_session
async def test_a_process_whose_claim_has_passed_to_another_sends_nothing(
    nursery: Nursery, tmp_path: Path
) -> None:
    """Where not even the lock holds, a sleeper must neither send nor undo what another did meanwhile."""
    calm = {**PATIENCE, "POLL__INTERVAL_SECONDS": "0.5", "POLL__QUIET_INTERVAL_SECONDS": "0.5"}
    async with open_world(nursery, tmp_path, settings=calm) as world:
        ledger = Ledger(world.dintero)
        dintero, where = world.dintero, (NAMED_CONNECTIONS[0], "vipps")
        dintero.add_account(where[0])
        dintero.apply(*where)
        perform(Does.ASKS, world, ledger, *where)
        # The second message: it falls between two polls, when the sleeper holds no lock on the store.
        sleeper = world.run("--stop", f"{Waypoint.REQUESTING}:2", *ASLEEP)
        assert await until(world.board.read, BOUND_SECONDS)
        perform(Does.SIGNS, world, ledger, *where)
        await _see_stopped(sleeper)
        (tmp_path / "notifier.db.lock").unlink()
        await check_end(world, ledger)
        posts = _count_posts(world)
        sleeper.send(signal.SIGCONT)
        held_up = "this process was held up for too long"
        assert await until(lambda: held_up in (tmp_path / "err").read_text(), BOUND_SECONDS)
        sleeper.send(signal.SIGTERM)
        assert await sleeper.wait(BOUND_SECONDS) == 0
        assert _count_posts(world) == posts
        await check_end(world, ledger)


@in_session
async def test_a_migration_killed_at_each_step_loses_and_doubles_nothing(
    nursery: Nursery, tmp_path: Path
) -> None:
    """A store of the first version, with a message on its way, must come through whole after each kill."""
    async with open_world(nursery, tmp_path, settings=PATIENCE) as world:
        ledger = Ledger(world.dintero)
        begin_three(world, ledger)
        life = world.run("--kill", f"{Waypoint.ANSWERED}:2")
        assert await life.wait(BOUND_SECONDS) == KILLED
        _age(tmp_path / "notifier.db")
        steps = len(migrate.list_revisions()) - 1
        for point, nth in [*((Waypoint.MIGRATING, n + 1) for n in range(steps)), (Waypoint.MIGRATED, 1)]:
            life = world.run("--kill", f"{point}:{nth}")
            assert await life.wait(BOUND_SECONDS) == KILLED
        go_on(world, ledger)
        await check_end(world, ledger)


def _count_posts(world: World) -> int:
    """Return how many messages have been asked of Slack, whether or not they have taken effect."""
    return sum("chat.postMessage" in request.path for request in world.slack.requests)


async def _see_stopped(life: Life) -> None:
    """Wait until a process stands still."""
    async with asyncio.timeout(BOUND_SECONDS):
        await life.stopped.wait()


def _age(path: Path) -> None:
    """Make a store what it was under the first migration: the same rows in the tables of then."""
    old = path.with_name("old.db")
    engine = create_engine(f"sqlite:///{old}")
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent))
    with (
        engine.begin() as connection,
        EnvironmentContext(
            Config(),
            scripts,
            fn=lambda revision, _context: list(scripts._upgrade_revs(FIRST_REVISION, revision)),
        ) as environment,
    ):
        environment.configure(connection=connection)
        environment.run_migrations()
    engine.dispose()
    with closing(sqlite3.connect(old, isolation_level=None)) as store:
        store.execute("ATTACH ? AS now", (str(path),))
        tables = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        kept = {name for (name,) in store.execute("SELECT name FROM now.sqlite_master WHERE type = 'table'")}
        for (table,) in store.execute(tables).fetchall():
            if table == "alembic_version" or table not in kept:
                continue
            names = ", ".join(f'"{row[1]}"' for row in store.execute(f"PRAGMA main.table_info({table})"))
            store.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM now.{table}")  # noqa: S608
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    old.replace(path)
