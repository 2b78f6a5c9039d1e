"""Whether an engine lives, where several run on one database."""

import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier import cli, screen
from notifier.processes import is_running
from notifier.store import postgres
from notifier.store.postgres import PostgresStore

HERE = socket.gethostname()


@pytest.fixture
def url(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of the store that the settings of the command name."""
    settings = {
        "DINTERO__CLIENT_ID": "c",
        "DINTERO__CLIENT_SECRET": "s",
        "DINTERO__ACCOUNT_ID": "P11112222",
        "DINTERO__ACCOUNTS": '["P11112222"]',
        "SLACK__BOT_TOKEN": "xoxb-1",
        "SLACK__CHANNEL": "#sales",
        "STORE__URL": postgres_url,
    }
    for name, text in settings.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", text)
    monkeypatch.chdir(tmp_path)
    return postgres_url


def _beat(url: str, host: str, beat_at: datetime, stopped_at: datetime | None = None, pid: int = 7) -> None:
    sign = {"host": host, "pid": pid, "version": "1", "started_at": beat_at, "beat_at": beat_at}
    row = sign | {"stopped_at": stopped_at, "polls": 0, "last_round_at": None, "worker_id": f"{host}/{pid}"}
    with PostgresStore(url) as store:
        store.open()
        store.run_now(lambda books: books.save_beat(row))


def test_a_worker_elsewhere_hides_none_that_is_gone(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A container must be judged by its own worker: a healthy one on another machine proves nothing."""
    now = datetime.now(UTC)
    _beat(url, "elsewhere", now)
    assert cli.main(["status", "--health"]) == 1
    assert f"no engine on {HERE} has" in capsys.readouterr().out
    _beat(url, HERE, now - timedelta(hours=1))
    assert cli.main(["status", "--health"]) == 1
    _beat(url, HERE, now, stopped_at=now)
    assert cli.main(["status", "--health"]) == 1
    _beat(url, HERE, now)
    assert cli.main(["status", "--health"]) == 0


def test_a_worker_beside_it_hides_none_that_stands_still(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two on one machine the one that hangs must be found; one that was killed is no reason for alarm."""
    monkeypatch.setattr(screen, "ALIVE_WITHIN", timedelta(seconds=3))
    now, gone, young = datetime.now(UTC), 4_194_305, os.getpid()
    silent = now - timedelta(seconds=4)
    _beat(url, HERE, now + timedelta(seconds=2), pid=young)
    _beat(url, HERE, silent, pid=gone)
    assert cli.main(["status", "--health"]) == 0
    # The first process of a machine is the oldest one.
    _beat(url, HERE, silent, pid=1)
    capsys.readouterr()
    assert cli.main(["status", "--health"]) == 1
    assert f"the engine on {HERE} with process 1 has given no sign" in capsys.readouterr().out
    monkeypatch.setenv("NOTIFIER_WORKERS__NAME", "another")
    assert cli.main(["status", "--health"]) == 1
    assert "no engine on another has" in capsys.readouterr().out


def test_a_process_is_told_from_one_that_had_its_id_before() -> None:
    """An id is given again: whoever has it now counts only for as long as it has run."""
    with subprocess.Popen(("sleep", "60")) as process:
        try:
            assert is_running(process.pid, 0)
            assert not is_running(process.pid, 3600)
        finally:
            process.kill()
    assert not is_running(process.pid, 0)


def test_health_goes_by_the_databases_clock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine's clock is an hour off a worker must be alive all the same: nobody restarts it."""
    ahead = timedelta(hours=1)

    class WrongTime(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + ahead

    _beat(url, HERE, datetime.now(UTC))
    monkeypatch.setattr("datetime.datetime", WrongTime)
    monkeypatch.setattr(postgres, "datetime", WrongTime)
    assert cli.main(["status", "--health"]) == 0
