"""A copy of the store, and what an engine that starts from one tells: nothing twice, nothing not at all."""

import asyncio
import json
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from notifier.domain.change import Topic
from notifier.domain.delivery import Notification
from notifier.errors import StoreError
from notifier.store.backup import back_up
from notifier.store.books import Books
from notifier.store.database import Database
from notifier.store.report import StatusReport, read_status
from tests.e2e.conftest import LIVE, Program, Stage, stage, until
from tests.fakes import NOW
from tests.integration.disks import Disk, small_disk

__all__ = ["small_disk", "stage"]

IMPATIENT = {"SLACK__TIMEOUT_SECONDS": "0.5", "DELIVERY__LOOK_SECONDS": "0.5"}
ENDS_AT = NOW + timedelta(seconds=30)


async def _run(stage: Stage, *names: str, **changed: str) -> Program:
    """Run the program until these connections' requests stand in Slack, and leave it running."""
    before = len(stage.say())
    for name in names:
        stage.ask(LIVE, name)
    program = await stage.start("run", **IMPATIENT, **changed)
    # Recorded, not only posted: what a backup holds as being sent is in doubt, and rightly so.
    await until(lambda: _count_recorded(program) == len(names), f"{names} are told")
    assert len(stage.say()) == before + len(names)
    return program


def _count_recorded(program: Program) -> int:
    lines = [line for line in program.read().err.splitlines() if line.startswith("{")]
    return sum(json.loads(line)["event"] == "delivered" for line in lines)


def _lose(stage: Stage, backup: Path, *, keeps_log: bool = False) -> None:
    """Put a backup in the place of the store; the log of the lost one may be left behind."""
    for suffix in ("", "-shm", *(() if keeps_log else ("-wal",))):
        Path(f"{stage.store}{suffix}").unlink(missing_ok=True)
    shutil.copy(backup, stage.store)


def _list_told(stage: Stage) -> list[str]:
    """Return the ids of all notifications that stand in Slack."""
    found = [message.metadata for message in stage.slack.messages("sales")]
    return [str(one["event_payload"]["notification_id"]) for one in found if one]


def _read(stage: Stage) -> StatusReport:
    with Database(f"sqlite:///{stage.store}") as database:
        database.open_existing()
        return database.read_now(read_status)


def _copy(stage: Stage) -> Path:
    """Back the store up while the program runs."""
    backup = stage.folder / "backup.db"
    back_up(stage.store, backup, datetime.now(UTC), replaces=False)
    return backup


async def test_a_restored_backup_tells_nothing_twice(stage: Stage) -> None:
    """What was posted after the backup is found in Slack, and what is new after that is posted as ever."""
    backup = stage.folder / "backup.db"
    program = await _run(stage, "vipps", "swish")
    made = await stage.run("backup", str(backup))
    assert (made.code, made.err) == (0, ""), made.err
    assert backup.stat().st_mode & 0o777 == 0o600
    for name in ("klarna", "payex/creditcard"):
        stage.ask(LIVE, name)
    await until(lambda: len(stage.say()) == 4, "all four are told")
    await program.stop(signal.SIGKILL)
    _lose(stage, backup, keeps_log=True)

    program = await stage.start("run", **IMPATIENT)
    await until(lambda: "was looked for" in program.read().err, "the copy is a store like any other")
    stage.ask(LIVE, "instabank")
    await until(lambda: len(stage.say()) == 5, "what is new is told")
    assert (await program.stop()).code == 0
    told = _list_told(stage)
    assert len(told) == len(set(told)) == 5
    report = _read(stage)
    assert (report.adopted, report.resent, report.outbox) == (2, 0, {"delivered": 5})


async def test_a_restored_backup_tells_what_nobody_has_told(stage: Stage) -> None:
    """What happened after the store was lost is told by the restored one, also by `run --once`."""
    program = await _run(stage, "vipps")
    backup = _copy(stage)
    await program.stop(signal.SIGKILL)
    _lose(stage, backup)
    stage.ask(LIVE, "swish")
    assert (await stage.run("run", "--once", **IMPATIENT)).code == 0
    told = _list_told(stage)
    assert len(told) == len(set(told)) == 2


@pytest.mark.parametrize(
    ("when_unsure", "count", "states"),
    [("resend", 3, {"delivered": 2}), ("hold", 2, {"delivered": 1, "held": 1})],
)
async def test_where_nobody_can_be_asked_the_setting_decides(
    stage: Stage, when_unsure: str, count: int, states: dict[str, int]
) -> None:
    """A webhook cannot say what it has: its messages are sent again, or left to somebody."""
    hook = {
        "RECEIVERS__SALES__KIND": "slack_webhook",
        "RECEIVERS__SALES__CHANNEL": "",
        "RECEIVERS__SALES__URL": stage.slack.webhook_url(stage.slack.add_webhook("sales")),
        "RECEIVERS__SALES__WHEN_UNSURE": when_unsure,
    }
    program = await _run(stage, "vipps", **hook)
    backup = _copy(stage)
    stage.ask(LIVE, "swish")
    await until(lambda: len(stage.say()) == 2, "both are told")
    await program.stop(signal.SIGKILL)
    _lose(stage, backup)
    await stage.run("run", "--once", **IMPATIENT, **hook)
    assert len(stage.say()) == count
    assert _read(stage).outbox == states


def _enqueue(*names: str, at: datetime = NOW) -> Callable[[Books], int]:
    return lambda books: books.outbox.enqueue(
        [Notification(name, "c", name, "sales", "there", Topic.APPLIED) for name in names], at
    )


def _claim(books: Books) -> str | None:
    claim = books.outbox.claim("there", NOW, NOW)
    return claim.notification.notification_id if claim else None


def _doubts(database: Database) -> dict[str, tuple[object, ...]]:
    """Return for each row of the outbox whether it is in doubt, and from when on it is looked for."""

    def job(books: Books) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        while (claim := books.outbox.claim("there", NOW + timedelta(days=9), NOW)) is not None:
            found[claim.notification.notification_id] = (claim.is_repeat, claim.doubt_since)
        return found

    return database.run_now(job)


def _restore(copy: Path) -> Database:
    database = Database(f"sqlite:///{copy}")
    database.open()
    return database


def test_what_a_copy_believes_unsent_is_in_doubt(database: Database, tmp_path: Path) -> None:
    """Due and on its way, from long before the backup or right before it: all is looked for from far back."""
    old = NOW - timedelta(days=2)
    database.run_now(_enqueue("sending"))
    assert database.run_now(_claim) == "sending"
    database.run_now(_enqueue("old", at=old))
    database.run_now(_enqueue("new"))
    back_up(database.path, tmp_path / "copy.db", NOW, replaces=False)
    with _restore(tmp_path / "copy.db") as copy:
        assert copy.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT)) == NOW
        copy.run_now(lambda books: books.outbox.recover(NOW, ENDS_AT))
        copy.run_now(_enqueue("later"))
        hour = timedelta(hours=1)
        assert _doubts(copy) == {
            "sending": (True, NOW - hour),
            "old": (True, old - hour),
            "new": (True, NOW - hour),
            "later": (True, NOW - hour),
        }
        copy.run_now(lambda books: books.settle_copy())
        copy.run_now(_enqueue("settled"))
        assert _doubts(copy) == {"settled": (False, NOW)}
        assert copy.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT)) is None
    assert database.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT)) is None


def test_a_copy_that_was_not_settled_stays_one(database: Database, tmp_path: Path) -> None:
    """A copy of a copy is as old as the first, and a restart in between changes nothing."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    back_up(database.path, first, NOW - timedelta(days=1), replaces=False)
    for _ in range(2):
        with _restore(first) as copy:
            assert copy.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT)) == NOW - timedelta(days=1)
    back_up(first, second, NOW, replaces=False)
    with _restore(second) as copy:
        assert copy.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT)) == NOW - timedelta(days=1)
        copy.run_now(_enqueue("one"))
        assert _doubts(copy) == {"one": (True, NOW - timedelta(days=1, hours=1))}


def test_a_dead_letter_of_a_copy_is_looked_for_when_it_is_tried_again(
    database: Database, tmp_path: Path
) -> None:
    """Somebody may have tried it again after the backup: that post must be found."""
    database.run_now(_enqueue("dead"))

    def give_up(books: Books) -> None:
        claim = books.outbox.claim("there", NOW, NOW)
        assert claim is not None
        books.outbox.record_dead(claim, NOW, error_code="no", error="no")

    database.run_now(give_up)
    back_up(database.path, tmp_path / "copy.db", NOW, replaces=False)
    with _restore(tmp_path / "copy.db") as copy:
        copy.run_now(lambda books: books.take_over_copy(NOW, ENDS_AT))
        copy.run_now(lambda books: books.outbox.retry(None, NOW))
        assert _doubts(copy) == {"dead": (True, NOW - timedelta(hours=1))}


def test_a_copy_is_whole_while_the_store_is_written(database: Database, tmp_path: Path) -> None:
    """Copies made while jobs write all the time hold whole transactions, and delay none of them for long."""
    is_enough = Event()
    numbers = iter(range(1_000_000))

    def write() -> None:
        while not is_enough.is_set():
            number = next(numbers)
            database.run_now(_enqueue(f"{number} a", f"{number} b", f"{number} c"))

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(10):
            back_up(database.path, tmp_path / "copy.db", NOW, replaces=True)
            with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
                (count,) = copy.execute("SELECT count(*) FROM outbox").fetchone()
                assert count % 3 == 0
    finally:
        is_enough.set()
        writer.join()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("notifier.db", "belongs to the store itself"),
        ("notifier.db-wal", "belongs to the store itself"),
        ("notifier.db.lock", "belongs to the store itself"),
        ("link.db", "belongs to the store itself"),
        ("hard.db", "belongs to the store itself"),
        ("folder", "is a folder"),
        ("missing/copy.db", "does not exist: make it first"),
        ("there.db", "exists: name another file, or add --force"),
    ],
)
def test_a_copy_overwrites_nothing(database: Database, target: str, words: str) -> None:
    """The store itself, however it is spelt, and whatever else is there already stays as it is."""
    folder = database.path.parent
    (folder / "link.db").symlink_to(database.path)
    (folder / "hard.db").hardlink_to(database.path)
    (folder / "folder").mkdir()
    (folder / "there.db").write_text("shopping")
    before = sorted(folder.iterdir())
    with pytest.raises(StoreError, match=words):
        back_up(database.path, folder / target, NOW, replaces=target != "there.db")
    assert sorted(folder.iterdir()) == before
    assert (folder / "there.db").read_text() == "shopping"
    back_up(database.path, folder / "there.db", NOW, replaces=True)
    assert (folder / "there.db").read_bytes().startswith(b"SQLite format 3")
    assert (folder / "there.db").stat().st_mode & 0o777 == 0o600


def test_a_copy_that_cannot_be_finished_leaves_nothing(database: Database, small_disk: Disk) -> None:
    """On a full disk there is no part of a copy, and the earlier one stays."""
    target = small_disk.folder / "copy.db"
    back_up(database.path, target, NOW, replaces=False)
    earlier = target.read_bytes()
    small_disk.fill()
    with pytest.raises(StoreError, match=r"the backup .*copy\.db .*(the disk is full|No space left)"):
        back_up(database.path, target, NOW, replaces=True)
    assert sorted(small_disk.folder.iterdir()) == [target, small_disk.filler]
    assert target.read_bytes() == earlier


def test_a_damaged_store_is_not_copied(new_store: Path, tmp_path: Path) -> None:
    """What is damaged is found before it takes the place of a copy that is sound."""
    content = new_store.read_bytes()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(content[: 3 * 4096] + b"\xff" * 8 * 4096 + content[11 * 4096 :])
    with pytest.raises(StoreError, match="is damaged"):
        back_up(damaged, tmp_path / "copy.db", NOW, replaces=False)
    assert not (tmp_path / "copy.db").exists()


def test_a_log_beside_a_copy_is_not_written_into_it(database: Database, tmp_path: Path) -> None:
    """The log of the store that a copy replaces is refused by commands, and removed by an engine."""
    target = tmp_path / "restored.db"
    back_up(database.path, target, NOW, replaces=False)
    database.run_now(_enqueue("lost"))
    shutil.copy(f"{database.path}-wal", f"{target}-wal")
    refused = pytest.raises(StoreError, match="is a backup, and beside")
    with Database(f"sqlite:///{target}") as command, refused:
        command.open_existing()
    with _restore(target) as copy:
        assert _doubts(copy) == {}
        copy.run_now(_enqueue("kept"))
        # As after a crash: the log is the copy's own now, and is not removed again.
        for suffix in ("", "-wal"):
            shutil.copy(f"{target}{suffix}", f"{tmp_path / 'crashed.db'}{suffix}")
    with _restore(tmp_path / "crashed.db") as again:
        assert set(_doubts(again)) == {"kept"}


async def test_the_command_says_what_it_did(stage: Stage) -> None:
    """A copy is announced with its size; what cannot be done is one sentence and exit code 1."""
    (stage.folder / "copy.db").write_text("shopping")
    forced, refused = await asyncio.gather(
        stage.run("backup", "../copy.db", "--force"), stage.run("backup", "missing/copy.db")
    )
    assert (forced.code, refused.code) == (0, 1)
    assert forced.out.startswith("../copy.db holds a copy of the store (")
    assert len(refused.complaints) == 1
    with closing(sqlite3.connect(stage.folder / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
