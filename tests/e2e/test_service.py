"""`notifier run`: news soon, an orderly end at any moment, and nothing lost when there is none."""

import asyncio
import json
import random
import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from notifier.sandbox import answer, delay, hang, ok_false
from tests.e2e.conftest import LIVE, Program, Stage, until

ASKED = "Signature needed"
SIGNED = "Signed: the connection is enabled"
MOST_POLLS = 6
"""Two changes, a second between polls: each is seen by the next one, and posted before the one after it."""
LEEWAY_SECONDS = 10.0


async def _start(stage: Stage, **changed: str) -> Program:
    """Start the service and wait until it has read everything once."""
    seen = stage.dintero.counts["accounts"]
    program = await stage.start("run", **changed)
    await until(lambda: stage.dintero.counts["accounts"] > seen or program.process.returncode, "a first poll")
    return program


async def test_news_is_posted_soon_and_the_engine_can_be_watched(stage: Stage) -> None:
    """A change must be in Slack a poll or two later; the other commands must work beside the engine."""
    program = await _start(stage, POLL__INTERVAL_SECONDS="1", POLL__QUIET_INTERVAL_SECONDS="1")
    polls = stage.dintero.counts
    before = polls["accounts"]
    stage.ask()
    await until(lambda: stage.say() == [ASKED], "the request")
    stage.dintero.set_status(LIVE, "vipps", "enabled")
    await until(lambda: stage.say() == [SIGNED, SIGNED], "the outcome, on the card and in its thread")
    assert polls["accounts"] - before <= MOST_POLLS
    health, status = await asyncio.gather(stage.run("status", "--health"), stage.run("status"))
    assert (health.code, health.out) == (0, "alive\n")
    assert "engine     running" in status.out
    assert f"process {program.process.pid}" in status.out
    assert "1 enabled" in status.out
    assert "3 delivered" in status.out
    ended = await program.stop()
    assert (ended.code, ended.out, ended.complaints) == (0, "", [])


@pytest.mark.parametrize(("number", "grace_seconds"), [(signal.SIGTERM, 0.5), (signal.SIGINT, 2.0)])
async def test_a_signal_ends_it_in_the_middle_of_everything(
    stage: Stage, number: int, grace_seconds: float
) -> None:
    """While Dintero and Slack both hang it must end with 0 when the grace time is over, and lose nothing."""
    stage.ask()
    stage.slack.faults.add(hang().on("POST", "chat.postMessage", times=None))
    stage.dintero.faults.add(hang().on("GET", "/management/accounts", times=None, after=1))
    program = await _start(stage, DELIVERY__GRACE_SECONDS=str(grace_seconds))
    caused = stage.slack.faults.caused, stage.dintero.faults.caused
    await until(lambda: all(one["hang"] for one in caused), "both to hang")
    loop = asyncio.get_running_loop()
    started = loop.time()
    ended = await program.stop(number)
    assert (ended.code, ended.complaints) == (0, [])
    assert loop.time() - started < grace_seconds + LEEWAY_SECONDS
    if number == signal.SIGINT:
        return
    stage.slack.faults.clear()
    stage.dintero.faults.clear()
    again = await _start(stage, SLACK__TIMEOUT_SECONDS="1")
    await until(lambda: stage.say() == [ASKED], "the message that was on its way")
    assert (await again.stop()).code == 0


async def test_the_first_poll_leaves_while_the_store_is_opened(stage: Stage) -> None:
    """A store that cannot be written yet must not keep the first poll; what that found must be told then."""
    stage.ask()
    with closing(sqlite3.connect(stage.store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        program = await stage.start("run", DINTERO__DISCOVER="", DINTERO__ACCOUNTS=f'["{LIVE}"]')
        await until(lambda: any("/management/" in one.path for one in stage.dintero.requests), "a first poll")
        other.execute("ROLLBACK")
    await until(lambda: stage.say() == [ASKED], "the request")
    assert (await program.stop()).code == 0


async def test_a_signal_while_it_loads_ends_it_too(stage: Stage) -> None:
    """Before there is anything to finish it must end at once, and as orderly as later."""
    program = await stage.start("run")
    maps = Path(f"/proc/{program.process.pid}/maps")
    await until(lambda: "pydantic_core" in maps.read_text(), "the settings to be loaded")
    ended = await program.stop()
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert not stage.dintero.requests


async def test_what_is_in_flight_is_finished(stage: Stage) -> None:
    """A post that Slack answers within the grace time must be awaited and recorded: nobody sends it again."""
    stage.ask()
    stage.slack.faults.add(delay(1.0).on("POST", "chat.postMessage"))
    program = await _start(stage, DELIVERY__GRACE_SECONDS="10")
    await until(lambda: stage.slack.faults.caused["delay"], "the post")
    ended = await program.stop()
    assert ended.code == 0
    health, status = await asyncio.gather(stage.run("status", "--health"), stage.run("status", "--json"))
    assert (health.code, health.out.startswith("no engine")) == (1, True)
    report = json.loads(status.out)
    assert report["outbox"] == {"delivered": 1}
    assert report["engine_alive"] is False
    assert report["engine"]["pid"] == program.process.pid
    assert stage.say() == [ASKED]


async def test_killed_at_any_moment_it_loses_nothing(stage: Stage) -> None:
    """However often it is killed, once it is left in peace every request must stand in Slack."""
    chance = random.Random(20261122)  # noqa: S311 - not a secret: it makes the run the same each time
    names = [f"{kind}-{number}" for number in range(4) for kind in ("vipps", "swish")]
    stage.slack.faults.add(answer(500, after_effect=True).on("POST", "chat.postMessage", after=3, times=2))
    changed = {"SLACK__TIMEOUT_SECONDS": "1", "DELIVERY__FIRST_RETRY_SECONDS": "0.2"}
    stage.dintero.add_account(LIVE)

    def count_requests() -> int:
        return stage.dintero.counts.total() + stage.slack.counts.total()

    def has_counted(least: int) -> bool:
        return count_requests() >= least

    for kills in range(2):
        for name in names[kills * 4 : kills * 4 + 4]:
            stage.ask(LIVE, name)
        wanted = count_requests() + chance.randint(1, 12)
        program = await stage.start("run", **changed)
        await until(partial(has_counted, wanted), "the moment to kill it")
        program.process.kill()
        await program.process.wait()
    last = await stage.start("run", **changed)
    await until(lambda: not _list_lost(stage), "every event", seconds=60)
    await last.stop()
    assert _list_told(stage) == set(names)


def _list_told(stage: Stage) -> set[str]:
    """Return the connections that messages are about."""
    messages = stage.slack.messages("sales")
    return {one.metadata["event_payload"]["connection"] for one in messages if one.metadata}


def _list_lost(stage: Stage) -> set[str]:
    """Return the ids of events that no message shows."""
    shown = "\n".join(one.shown_text for one in stage.slack.messages("sales"))
    return {str(one.event_id) for one in stage.dintero.truth() if str(one.event_id) not in shown}


async def test_a_second_engine_stops_with_one_sentence(stage: Stage) -> None:
    """Two engines on one store must not be: the second names the first, however the store is spelt."""
    link = stage.folder / "link.db"
    link.symlink_to(stage.store)
    program = await _start(stage)
    results = await asyncio.gather(
        stage.run("run"), stage.run("run", "--once", STORE__URL=f"sqlite:///{link}")
    )
    for result in results:
        assert (result.code, result.out) == (1, "")
        (sentence,) = result.err.splitlines()
        assert sentence.startswith(f"notifier: another notifier (process {program.process.pid}) runs on")
    assert (await program.stop()).code == 0


async def test_dead_letters_are_looked_after_beside_the_engine(stage: Stage) -> None:
    """What was given up must be listed, sent again or dropped at a person's word, while the engine runs."""
    refusal = ok_false("invalid_blocks").on("POST", "chat.postMessage", times=4)
    stage.slack.faults.add(refusal)
    stage.ask(LIVE, "vipps")
    stage.ask(LIVE, "swish")
    program = await _start(stage)
    await until(lambda: stage.slack.faults.caused["answer"] == 4, "two refusals of two messages")

    listed, status = await asyncio.gather(stage.run("outbox", "list"), stage.run("status"))
    assert listed.out.count("Slack says invalid_blocks") == 2
    letters = (line.split() for line in listed.out.splitlines())
    by_name = {letter[4].rpartition("/")[2]: letter[0] for letter in letters}
    assert set(by_name) == {"swish", "vipps"}
    assert "2 dead" in status.out
    assert "notifier outbox list" in status.out
    dropped, retried, unknown = await asyncio.gather(
        stage.run("outbox", "drop", by_name["swish"]),
        stage.run("outbox", "retry", by_name["vipps"]),
        stage.run("outbox", "drop", "no-such-id"),
    )
    assert (dropped.code, retried.code, unknown.code) == (0, 0, 1)
    assert dropped.out.startswith("1 message ")
    assert retried.out.startswith("1 message ")
    assert "outbox list" in unknown.complaints[0]
    # The engine looks every half minute; news make it look at once.
    stage.ask(LIVE, "klarna")
    await until(lambda: stage.say() == [ASKED, ASKED], "the one sent again, and the new one")
    assert _list_told(stage) == {"vipps", "klarna"}
    assert (await program.stop()).code == 0
