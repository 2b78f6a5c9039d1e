"""The real program while its store fails: it keeps running, tells on-call, and goes on afterwards."""

import asyncio
import json
import os
import resource
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import LIVE, Program, Stage, stage, until
from tests.integration.disks import Disk, small_disk

__all__ = ["small_disk", "stage"]


@dataclass
class Duty:
    """A running program, with somebody on call, and its store."""

    stage: Stage
    program: Program
    store: Path

    @property
    def lines(self) -> list[dict[str, object]]:
        """What it has logged of the store."""
        logged = self.program.read().err.splitlines()
        found = [json.loads(line) for line in logged if line.startswith("{")]
        return [line for line in found if "the store" in str(line.get("event"))]

    async def see_through(self, break_it: Callable[[], object], mend_it: Callable[[], object]) -> str:
        """Break the store, let something happen, mend the store; return the sentence that it was told by.

        On-call is told once and the end once; what happened meanwhile is told once, afterwards.
        """
        stage = self.stage
        break_it()
        stage.ask(LIVE, "swish")
        await until(lambda: len(stage.say("oncall")) == 1, "on-call is told")
        assert self.program.process.returncode is None
        told_before = len(stage.say("sales"))
        mend_it()
        await until(lambda: len(stage.say("oncall")) == 2, "on-call is told that it is over")
        await until(lambda: len(stage.say("sales")) > told_before, "what happened meanwhile is told")
        down, up = stage.slack.messages("oncall")
        assert "cannot use its store" in down.text
        assert "works again" in up.text
        said = [line["event"] for line in self.lines]
        assert len(said) <= 4, said
        return str(self.lines[0]["error"])


@asynccontextmanager
async def on_duty(stage: Stage, store: Path) -> AsyncIterator[Duty]:
    """Run the program until it has told one thing; afterwards it must end well, with nothing told twice."""
    stage.ask(LIVE, "vipps")
    program = await stage.start(
        "run",
        STORE__URL=f"sqlite:///{store}",
        STORE__EMERGENCY_AFTER_SECONDS="0.2",
        RECEIVERS__ONCALL__KIND="slack",
        RECEIVERS__ONCALL__CHANNEL=stage.slack.channel("oncall").id,
        RECEIVERS__ONCALL__EMERGENCY="true",
        SLACK__TIMEOUT_SECONDS="0.5",
        DELIVERY__LOOK_SECONDS="0.5",
        LOG__LEVEL="info",
    )
    await until(lambda: len(stage.say("sales")) == 1, "the first message")
    yield Duty(stage, program, store)
    result = await program.stop()
    assert result.code == 0, result.err[-2000:]
    told = [message.text for message in stage.slack.messages("sales")]
    assert len(told) == len(set(told)) == 2


async def test_a_full_disk_passes(stage: Stage, small_disk: Disk, new_store: Path) -> None:
    """On a disk that fills up the program waits for space, and then tells what happened meanwhile."""
    store = Path(shutil.copy(new_store, small_disk.folder / "notifier.db"))
    async with on_duty(stage, store) as duty:
        sentence = await duty.see_through(small_disk.fill, small_disk.free)
        assert "the disk is full" in sentence


async def test_an_io_error_passes(stage: Stage) -> None:
    """While every write fails the program waits, and then tells what happened meanwhile."""
    async with on_duty(stage, stage.store) as duty:
        number = duty.program.process.pid

        def limit_files(soft: int) -> None:
            resource.prlimit(number, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

        # The program's own log is smaller than that; what a change writes is larger.
        sentence = await duty.see_through(
            lambda: limit_files(24 * 1024), lambda: limit_files(resource.RLIM_INFINITY)
        )
        assert "the disk answers with an error" in sentence


async def test_a_store_that_was_moved_away_is_waited_for(stage: Stage) -> None:
    """A store that somebody moved away is used again when it is back, and no other one is made."""
    elsewhere = stage.folder / "elsewhere.db"
    async with on_duty(stage, stage.store) as duty:

        def mend_it() -> None:
            assert not stage.store.exists()
            elsewhere.rename(stage.store)

        sentence = await duty.see_through(lambda: stage.store.rename(elsewhere), mend_it)
        assert "was moved or deleted" in sentence


async def test_a_backup_in_the_place_of_a_lost_store_is_taken_up(stage: Stage) -> None:
    """A backup in the place of a deleted store is used without a restart, and nothing is told twice."""
    backup = stage.folder / "backup.db"
    async with on_duty(stage, stage.store) as duty:
        assert (await stage.run("backup", str(backup))).code == 0

        def restore() -> None:
            shutil.copy(backup, f"{stage.store}.new")
            Path(f"{stage.store}.new").rename(stage.store)

        sentence = await duty.see_through(stage.store.unlink, restore)
        assert "was moved or deleted" in sentence


async def test_a_damaged_store_is_told_and_left_alone(stage: Stage) -> None:
    """A store that is damaged under the program stops everything, loudly; a backup in its place ends that."""
    backup = stage.folder / "backup.db"
    async with on_duty(stage, stage.store) as duty:
        assert (await stage.run("backup", str(backup))).code == 0
        # Everything is in the file: a page that is in the log is not read from it.
        _checkpoint(stage.store)

        def damage() -> None:
            size = stage.store.stat().st_size
            with stage.store.open("r+b") as file:
                file.seek(4096)
                file.write(os.urandom(size - 4096))

        def restore() -> None:
            shutil.copy(backup, f"{stage.store}.new")
            Path(f"{stage.store}.new").rename(stage.store)

        sentence = await duty.see_through(damage, restore)
        assert "is damaged" in sentence


async def test_a_store_nobody_can_use_ends_the_program(stage: Stage) -> None:
    """Where somebody must act at the start, the program ends with one sentence, and does not try for ever."""
    work = stage.store.parent
    newer, damaged = work / "newer.db", work / "damaged.db"
    shutil.copy(stage.store, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    content = stage.store.read_bytes()
    damaged.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    results = await asyncio.gather(
        *(stage.run("run", STORE__URL=f"sqlite:///{path}") for path in (newer, damaged))
    )
    for result, words in zip(results, ("written by a newer version", "is damaged"), strict=True):
        assert result.code == 1
        (complaint,) = result.complaints
        assert words in complaint
    assert not stage.dintero.requests


def _checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
