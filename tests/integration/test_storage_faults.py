"""Faults of the disk and of its files, each caused for real and watched until it has passed."""

import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from notifier.errors import StoreError, StoreInUse, StoreReplaced, StoreUnavailable, StoreUnusable
from notifier.store import database as database_module
from notifier.store.books import Books
from notifier.store.database import Database
from notifier.store.place import STILL_SECONDS
from tests.fakes import NOW
from tests.integration.disks import Disk, small_disk, weak_disk

__all__ = ["small_disk", "weak_disk"]

PAGE_BYTES = 4096


@pytest.fixture
def engine(new_store: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a store as an engine has it: open and locked."""
    (tmp_path / "store").mkdir()
    with _open(shutil.copy(new_store, tmp_path / "store" / "notifier.db")) as database:
        yield database


@contextmanager
def _open(path: Path | str, *, creates: bool = True) -> Iterator[Database]:
    with Database(f"sqlite:///{path}") as database:
        database.lock()
        database.open(creates=creates)
        yield database


def _write(subject: str, text: str = "x") -> Callable[[Books], None]:
    return lambda books: books.save_problem(subject, text, NOW)


def _read(database: Database) -> set[str]:
    return set(database.run_now(lambda books: books.load_problems()))


def _fails(database: Database, words: str, kind: type[StoreError] = StoreUnavailable) -> None:
    """Check that a job fails with a sentence that names the file, and that nothing of it is kept."""

    def job(books: Books) -> None:
        for number in range(3):
            books.save_problem(f"half {number}", "y" * 3 * PAGE_BYTES, NOW)

    with pytest.raises(kind, match=words) as raised:
        database.run_now(job)
    assert str(database.path) in str(raised.value)
    assert "\n" not in str(raised.value)


def _works(database: Database, before: set[str]) -> None:
    """Check that everything works again, and that all is there that was kept and nothing else."""
    database.run_now(_write("after"))
    assert _read(database) == before | {"after"}
    assert database.read_now(_check) == "ok"


def _check(connection: object) -> object:
    return connection.exec_driver_sql("PRAGMA integrity_check").scalar()  # type: ignore[attr-defined]


def test_a_full_disk_is_waited_out(new_store: Path, small_disk: Disk) -> None:
    """On a full disk nothing is written by halves, and when there is space again everything goes on."""
    with _open(shutil.copy(new_store, small_disk.folder / "notifier.db")) as database:
        database.run_now(_write("before"))
        small_disk.fill()
        _fails(database, "the disk is full: free some space")
        _fails(database, "SQLITE_FULL")
        small_disk.free()
        _works(database, {"before"})


def test_a_store_on_a_full_disk_opens_when_there_is_space(new_store: Path, small_disk: Disk) -> None:
    """A start on a full disk fails with a sentence and leaves nothing that a later start stumbles over."""
    path = small_disk.folder / "notifier.db"
    small_disk.fill()
    with pytest.raises(StoreUnavailable, match=str(path)), _open(path):
        pass
    small_disk.free()
    with _open(path) as database:
        _works(database, set())


def test_an_io_error_is_waited_out(engine: Database) -> None:
    """A disk that answers with an error costs nothing that was kept before."""
    engine.run_now(_write("before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Path(f"{engine.path}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + PAGE_BYTES, hard))
    try:
        _fails(engine, r"the disk answers with an error.*\(SQLITE_IOERR_WRITE\)")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    _works(engine, {"before"})


def test_a_disk_that_has_become_read_only_is_waited_out(new_store: Path, weak_disk: Disk) -> None:
    """When the kernel gives a file system up, the store says so, and another start finds what was kept."""
    path = weak_disk.folder / "notifier.db"
    with _open(shutil.copy(new_store, path)) as database:
        database.run_now(_write("before"))
        weak_disk.remount("abort")
        for _ in range(3):
            _fails(database, "cannot be (read or written|written|opened|used)")


def test_a_read_only_disk_is_waited_out(new_store: Path, weak_disk: Disk) -> None:
    """A start on a disk that cannot be written fails with a sentence, and works when it can be."""
    path = Path(shutil.copy(new_store, weak_disk.folder / "notifier.db"))
    weak_disk.remount("ro")
    with pytest.raises(StoreUnavailable, match="Read-only file system"), _open(path):
        pass
    weak_disk.remount("rw")
    with _open(path) as database:
        _works(database, set())


def test_a_lock_is_waited_out(engine: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program has the file for itself jobs fail, and then they work."""
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_SECONDS", 0.05)
    path = engine.path
    engine.close()
    with _open(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as other:
        database.run_now(_write("before"))
        other.execute("BEGIN EXCLUSIVE")
        _fails(database, "is locked by another program")
        _fails(database, "SQLITE_BUSY")
        other.execute("COMMIT")
        _works(database, {"before"})


def test_a_deleted_file_is_not_written_to(engine: Database) -> None:
    """Nothing goes into a file that was taken away, and when it is put back all goes on where it was."""
    engine.run_now(_write("before"))
    elsewhere = engine.path.with_name("elsewhere.db")
    engine.path.rename(elsewhere)
    for _ in range(3):
        _fails(engine, "was moved or deleted while the notifier runs: put it back")
    assert not engine.path.exists()
    elsewhere.rename(engine.path)
    _works(engine, {"before"})


def test_a_file_taken_away_under_a_transaction_is_noticed(engine: Database) -> None:
    """What was committed to a file that is gone by then counts as not done, and may be done again."""
    elsewhere = engine.path.with_name("elsewhere.db")

    def job(books: Books) -> None:
        books.save_problem("before", "x", NOW)
        engine.path.rename(elsewhere)

    with pytest.raises(StoreUnavailable, match="was moved or deleted"):
        engine.run_now(job)
    elsewhere.rename(engine.path)
    engine.run_now(_write("before"))
    _works(engine, {"before"})


def test_a_folder_that_is_gone_is_waited_for(engine: Database) -> None:
    """A disk that is unmounted under the store is the same as a file that was deleted."""
    engine.run_now(_write("before"))
    elsewhere = engine.path.parent.with_name("elsewhere")
    engine.path.parent.rename(elsewhere)
    _fails(engine, "No such file|was moved or deleted|folder")
    elsewhere.rename(engine.path.parent)
    _works(engine, {"before"})


def test_a_replaced_file_ends_the_engine(engine: Database, new_store: Path) -> None:
    """Another file at the path is never written to by an engine that remembers the old one."""
    engine.run_now(_write("before"))
    _replace(engine.path, new_store)
    for _ in range(2):
        _fails(engine, "was replaced by another file", StoreReplaced)
    engine.close()
    _age(engine.path)
    with _open(engine.path, creates=False) as database:
        _works(database, set())


@pytest.mark.parametrize(
    ("content", "words", "kind"),
    [
        ("part", "was replaced by a part of one", StoreUnusable),
        ("text", "was replaced by what is no SQLite file", StoreUnusable),
        ("empty", "was replaced by what is no SQLite file", StoreUnusable),
        ("foreign", "was replaced by what is none", StoreUnusable),
        ("damaged", "is damaged", StoreUnusable),
        ("growing", "is being written by somebody else", StoreUnavailable),
        ("nothing", "there is no store at", StoreUnavailable),
    ],
)
def test_only_a_whole_store_takes_the_place(
    engine: Database, new_store: Path, content: str, words: str, kind: type[StoreError]
) -> None:
    """A copy that is not complete, or no store, is not opened in the place of another, nor changed."""
    whole = new_store.read_bytes()
    path = engine.path
    engine.close()
    path.unlink()
    if content == "foreign":
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE shopping (what TEXT)")
    elif content != "nothing":
        damaged = whole[: 2 * PAGE_BYTES] + b"\xff" * PAGE_BYTES * 4 + whole[6 * PAGE_BYTES :]
        texts = {"part": whole[:-PAGE_BYTES], "text": b"milk " * 500, "empty": b"", "damaged": damaged}
        path.write_bytes(texts.get(content, whole))
    if content not in {"nothing", "growing"}:
        _age(path)
    found = path.read_bytes() if path.exists() else None
    with pytest.raises(kind, match=words), _open(path, creates=False):
        pass
    assert (path.read_bytes() if path.exists() else None) == found


def test_a_removed_log_loses_nothing(engine: Database, tmp_path: Path) -> None:
    """When somebody removes the log beside the store, what is only in there is saved into the store."""
    engine.run_now(_write("before"))
    Path(f"{engine.path}-wal").unlink()
    engine.run_now(_write("between"))
    # What a process that is killed now leaves behind.
    for suffix in ("", "-wal"):
        shutil.copy(f"{engine.path}{suffix}", tmp_path / f"left.db{suffix}")
    with _open(tmp_path / "left.db") as left:
        _works(left, {"before", "between"})
    _works(engine, {"before", "between"})


def test_a_removed_lock_is_taken_again(engine: Database) -> None:
    """An engine whose lock was removed takes it again at once, so that no second one runs beside it."""
    lock = Path(f"{engine.path}.lock")
    lock.unlink()
    engine.run_now(_write("before"))
    with pytest.raises(StoreInUse), _open(engine.path):
        pass
    lock.unlink()
    with Database(f"sqlite:///{engine.path}") as second:
        second.lock()
        _fails(engine, "another notifier", StoreInUse)
    _works(engine, {"before"})


def test_a_damaged_file_is_left_alone_until_it_is_mended(engine: Database) -> None:
    """A file found damaged while it is open is not written to any more, and used again once it is sound."""
    for number in range(200):
        engine.run_now(_write(f"{number}", "x" * 500))
    before = _read(engine)
    path = engine.path
    engine.close()
    sound = path.read_bytes()
    with _open(path) as database:
        # From the second page on, where every transaction looks.
        path.write_bytes(sound[:PAGE_BYTES] + os.urandom(len(sound) - PAGE_BYTES))
        for _ in range(3):
            _fails(database, "is damaged: stop the notifier and restore a backup", StoreUnusable)
        _overwrite(path, sound)
        _works(database, before)


def test_a_log_of_a_lost_store_does_not_get_into_another(engine: Database, new_store: Path) -> None:
    """The log of a file that was replaced under the engine is not written into the new one."""
    engine.run_now(_write("lost"))
    _replace(engine.path, new_store)
    _fails(engine, "was replaced", StoreReplaced)
    engine.close()
    with _open(engine.path) as database:
        _works(database, set())


def _replace(path: Path, source: Path) -> None:
    shutil.copy(source, path.with_name("new.db"))
    path.with_name("new.db").rename(path)


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


def _age(path: Path) -> None:
    """Make a file look as if nobody had written to it lately."""
    then = time.time() - 2 * STILL_SECONDS
    os.utime(path, (then, then))
