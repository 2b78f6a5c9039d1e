"""`notifier migrate-store`, as it is typed."""

from pathlib import Path

import pytest

from notifier import cli
from notifier.store.opening import make_store
from tests.fakes import FakeClock
from tests.integration.conftest import make_url, opened
from tests.postgres import Cluster

NOW = FakeClock().now()


def test_a_file_is_moved_there_and_back(
    path: Path, postgres: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must say what it has moved, and what is to be done next; the other way must work too."""
    with opened(path) as store:
        store.run_now(lambda books: books.save_problem("s", "sentence", NOW))
    address = postgres.make_database()
    assert cli.main(["migrate-store", make_url(path), address]) == 0
    said = capsys.readouterr().out
    assert "Moved 1 rows: 0 accounts" in said
    assert "Set store.url to the new address" in said
    back = make_url(path.with_name("back.db"))
    assert cli.main(["migrate-store", address, back]) == 0
    with make_store(back) as store:
        store.open_existing()
        assert store.run_now(lambda books: books.load_problems()) == {"s": "sentence"}
    postgres.drop_database(address)


def test_a_wrong_address_is_said_without_its_password(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake must name the argument; the address holds a password."""
    assert cli.main(["migrate-store", make_url(path), "postgresql://user:canary@db"]) == 78
    assert cli.main(["migrate-store", make_url(path), make_url(path)]) == 78
    said = capsys.readouterr().err
    assert "TO: expected postgresql://" in said
    assert "same store" in said
    assert "canary" not in said


def test_a_running_notifier_is_said(
    path: Path, postgres: Cluster, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing must be moved from under an engine, on whichever side it runs."""
    with opened(path):
        pass
    postgres.execute(
        "INSERT INTO engines VALUES ('w/1', '0007', 'w', 1, '0.1', 0, "
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, NULL, 0, NULL)",
        postgres_url,
    )
    assert cli.main(["migrate-store", make_url(path), postgres_url]) == 1
    assert cli.main(["migrate-store", postgres_url, make_url(path.with_name("new.db"))]) == 1
    assert capsys.readouterr().err.count("a notifier runs on one of the stores") == 2
