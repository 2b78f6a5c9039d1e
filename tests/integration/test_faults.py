"""What can be wrong with a file: each has one sentence that names it, and nothing is half done."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import notifier
from notifier.domain.model import Account
from notifier.domain.state import AccountState
from notifier.errors import StoreError, StoreInUse, StoreUnavailable, StoreUnusable
from notifier.service.ports import Books
from notifier.store.database import Database
from notifier.store.report import read_status
from notifier.store.schema import HEAD
from tests.integration.conftest import execute, held, make_url, opened

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _make_accounts(count: int, merchant: str = "Fjordbris Sport AS") -> list[AccountState]:
    return [AccountState(Account(f"P{number:08d}", merchant), "dintero", NOW) for number in range(count)]


def _save(store: Database, count: int = 1, merchant: str = "Fjordbris Sport AS") -> None:
    store.run_now(lambda books: books.save_accounts(_make_accounts(count, merchant)))


def _count(store: Database) -> int:
    return store.read_now(read_status).accounts


def test_an_exception_inside_a_job_leaves_no_row(path: Path) -> None:
    """A transaction must be all or nothing, whatever ends it, and the next one work."""

    def fail(books: Books) -> None:
        books.save_accounts(_make_accounts(3))
        books.mark_walked("dintero", "P11200000", NOW)
        raise ZeroDivisionError

    with opened(path) as store:
        with pytest.raises(ZeroDivisionError):
            store.run_now(fail)
        assert _count(store) == 0
        assert not store.run_now(lambda books: books.is_walked("dintero", "P11200000"))
        _save(store)
        assert _count(store) == 1


@pytest.mark.usefixtures("impatient")
def test_a_locked_file_can_be_used_when_it_is_free_again(path: Path) -> None:
    """Another program's lock must be one sentence, leave nothing behind, and not outlast itself."""
    with opened(path) as store:
        _save(store)
        with held(path) as let_go:
            with pytest.raises(StoreUnavailable, match="is locked by another program") as caught:
                _save(store, 5)
            assert str(path) in str(caught.value)
            assert _count(store) == 1, "what only reads must work all the same"
            let_go()
            _save(store, 2)
        assert _count(store) == 2


@pytest.mark.usefixtures("impatient")
def test_a_file_that_is_locked_from_the_start_is_told(path: Path) -> None:
    """A new store that somebody else holds must be told as locked, not as anything else."""
    execute(path, "CREATE TABLE t (x)", "DROP TABLE t")
    with held(path), pytest.raises(StoreUnavailable, match="is locked by another program"), opened(path):
        pass


def test_a_full_disk_leaves_no_half_transaction(path: Path) -> None:
    """When the file cannot grow the job must be undone and said so; when there is room it must go on."""

    def bound(store: Database, pages: int) -> None:
        store.run_now(lambda books: books._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))

    with opened(path) as store:
        bound(store, 1)
        with pytest.raises(StoreUnavailable, match="the disk is full: free some space"):
            _save(store, 200, "x" * 1_000)
        assert _count(store) == 0
        bound(store, 1_000_000)
        _save(store, 200, "x" * 1_000)
        assert _count(store) == 200


def test_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    """A store that a newer version wrote must be refused by every way to open it, and stay as it is."""
    with opened(path):
        pass
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"newer version \(its revision is 9999\)"), opened(path):
        pass
    with Database(make_url(path)) as store, pytest.raises(StoreUnusable, match="is of another version"):
        store.open_existing()
    assert path.read_bytes() == before


def test_an_older_version_is_not_migrated_by_a_command_beside_the_engine(path: Path) -> None:
    """`status` and its like must leave the migration to the engine."""
    with opened(path):
        pass
    execute(path, "UPDATE alembic_version SET version_num = '0000'", "PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    with Database(make_url(path)) as store, pytest.raises(StoreUnusable, match=f"this is {HEAD}"):
        store.open_existing()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["nothing", "empty", "foreign"])
def test_looking_makes_and_changes_nothing(path: Path, content: str) -> None:
    """`open_existing` must not make a file, fill one that is empty, or touch another program's."""
    if content == "empty":
        path.touch()
    if content == "foreign":
        execute(path, "CREATE TABLE recipes (name TEXT)", "INSERT INTO recipes VALUES ('lapskaus')")
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    with Database(make_url(path)) as store, pytest.raises(StoreError, match="run `notifier run` first"):
        store.open_existing()
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before


def test_another_programs_database_is_refused(path: Path) -> None:
    """An engine must not put its tables into a database that holds somebody else's."""
    execute(path, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreUnusable, match="belongs to another program"), opened(path):
        pass
    assert execute(path, "SELECT name FROM sqlite_master") == [("recipes",)]


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    """Text in the store's place must be refused by name, and stay as it is."""
    path.write_text("milk, bread, a signature\n" * 500)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="is no SQLite file"), opened(path):
        pass
    with Database(make_url(path)) as store, pytest.raises(StoreUnusable, match="is no SQLite file"):
        store.open_existing()
    assert path.read_bytes() == before


def test_a_damaged_file_is_told(path: Path) -> None:
    """Pages that were overwritten must be told as damage with what to do, not as a fault of the program."""
    with opened(path) as store:
        _save(store, 500)
    execute(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(StoreUnusable, match="is damaged"), opened(path) as store:
        _save(store, 600)


def test_a_folder_that_is_missing_or_the_file_itself_is_told(path: Path) -> None:
    """Every way to name no file must be told before anything is made or waited for."""
    fifo = path.parent / "fifo"
    os.mkfifo(fifo)
    for place, words in (
        (fifo, "is no regular file: name another"),
        (path / "notifier.db", "does not exist: make it first"),
        (path.parent, "is a folder: name a file"),
    ):
        for method in (Database.lock, Database.open):
            with Database(make_url(place)) as store, pytest.raises(StoreError, match=words):
                method(store)
    assert list(path.parent.iterdir()) == [fifo]


def test_nobody_else_can_read_the_files(path: Path) -> None:
    """The store holds signature links: its files must be its owner's alone, whatever the umask."""
    umask = os.umask(0)
    try:
        with Database(make_url(path)) as store:
            store.lock()
            store.open()
            _save(store)
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        os.umask(umask)
    assert {"notifier.db", "notifier.db-wal", "notifier.db.lock"} <= set(modes)
    assert {mode & 0o077 for mode in modes.values()} == {0}, modes


@pytest.mark.parametrize("spelling", ["same", "relative", "link"])
def test_only_one_engine_runs_on_a_store(path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second lock must be refused by the first one's number, however the file is spelt, and then be had."""
    monkeypatch.chdir(path.parent)
    with opened(path):
        pass
    link = path.parent / "link.db"
    link.symlink_to(path)
    url = {"same": make_url(path), "relative": "sqlite:///notifier.db", "link": make_url(link)}[spelling]
    with Database(make_url(path)) as first:
        first.lock()
        with Database(url) as second, pytest.raises(StoreInUse, match=rf"\(process {os.getpid()}\)"):
            second.lock()
    with Database(url) as third:
        third.lock()


def test_the_lock_goes_with_a_killed_process(path: Path) -> None:
    """What a process that was killed had locked must be free at once: nobody has to delete a file."""
    program = (
        "import sys, time; from notifier.store.database import Database;"
        "Database(sys.argv[1]).lock() or print('locked', flush=True) or time.sleep(60)"
    )
    # The object must outlive the call.
    program = program.replace("Database(sys.argv[1]).lock()", "(store := Database(sys.argv[1])).lock()")
    with _start(program, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with Database(make_url(path)) as store, pytest.raises(StoreInUse, match=f"process {process.pid}"):
            store.lock()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Database(make_url(path)) as store:
        store.lock()


def test_a_file_that_may_not_be_written_is_told(path: Path) -> None:
    """A read-only file must be told with what to check, before anything is polled."""
    wrapper: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # What lets root write everything is taken away.
        if shutil.which("setpriv") is None:
            pytest.skip("root may do everything, and setpriv is not there to change that")
        wrapper = ("setpriv", "--bounding-set=-dac_override")
    with opened(path) as store:
        _save(store)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    program = (
        "import sys\nfrom notifier.errors import StoreUnavailable\n"
        "from notifier.store.database import Database\n"
        "for method in (Database.open, Database.examine):\n"
        "    try: method(Database(sys.argv[1]))\n"
        "    except StoreUnavailable as error: print(error)"
    )
    with _start(program, path, wrapper) as process:
        out, err = process.communicate()
    path.parent.chmod(0o700)
    assert err == ""
    opening, examining = out.splitlines()
    assert str(path) in opening
    assert "check who owns" in opening or "denied" in opening
    assert "cannot be written: check who owns" in examining


def _start(program: str, path: Path, wrapper: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Start a few lines of Python with a store's URL."""
    repository = str(Path(notifier.__file__).parents[1])
    return subprocess.Popen(
        [*wrapper, sys.executable, "-c", program, make_url(path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": repository},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
