"""A store of the version before cards goes on where it was."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.domain.delivery import Form
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryUnavailable
from notifier.store.database import Database
from tests.fakes import ACCOUNT, FakeClock, FakeReceiver, make_account
from tests.integration.conftest import make_url
from tests.integration.test_schema import make_at
from tests.service.conftest import MakeService, Service, make_services
from tests.service.test_cards import ENABLED, begin, make_channel

WHOLE = AccountTarget("dintero", ACCOUNT)
DAY = timedelta(days=1)
MESSAGE, UPDATE, REPLY = Form.MESSAGE, Form.UPDATE, Form.REPLY


@pytest.fixture
def database(file_store: Database) -> Database:
    """Give a file: there was no other store in the version before cards."""
    return file_store


@pytest.fixture
def upgrade(
    memory_path: Path, database: Database, clock: FakeClock
) -> Iterator[Callable[[Service], Service]]:
    """Give what makes a service go on with a store that the version before cards has left."""
    upgraded = Database(make_url(memory_path / "old.db"))

    def go_on(service: Service) -> Service:
        database.close()
        _leave_behind(memory_path / "notifier.db", memory_path / "old.db")
        upgraded.open()
        return make_services(upgraded, clock)(service.source, sales=service.sales)

    yield go_on
    upgraded.close()


def _leave_behind(path: Path, old: Path) -> None:
    """Copy what the version before cards knew already."""
    make_at(old, "0003")
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("ATTACH ? AS new", (str(path),))
        found = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in found:
            # Signs of life have a table of another name by now, and nothing to say here.
            if table in {"alembic_version", "sqlite_sequence", "engine"}:
                continue
            columns = connection.execute(f'PRAGMA main.table_info("{table}")').fetchall()
            names = ", ".join(f'"{column[1]}"' for column in columns)
            connection.execute(f'INSERT INTO main."{table}" ({names}) SELECT {names} FROM new."{table}"')  # noqa: S608
        updates = "SELECT seq FROM new.outbox WHERE purpose <> 'tell'"
        connection.execute(f"DELETE FROM main.outbox WHERE seq IN ({updates})")  # noqa: S608


def list_reminders(receiver: FakeReceiver) -> list[str]:
    """Return the reminders that a receiver got."""
    return [one for one in receiver.headlines if one.startswith("Reminder")]


async def test_who_waits_is_reminded_after_an_upgrade(
    make_service: MakeService, upgrade: Callable[[Service], Service]
) -> None:
    """What the earlier version told must be reminded of, and updated where it stands, though all is late."""
    service = await begin(make_service)
    later = upgrade(service)
    service.clock.advance(10 * DAY.total_seconds())
    await later.start(WHOLE)
    await later.pass_time(timedelta(hours=1))
    assert len(list_reminders(service.sales)) == 1, "however many would have been due"
    later.source.show(make_account(ENABLED))
    await later.poll(WHOLE)
    assert service.sales.forms.count(MESSAGE) == 1
    assert UPDATE in service.sales.forms


async def test_what_expires_after_an_upgrade_is_told(
    make_service: MakeService, upgrade: Callable[[Service], Service]
) -> None:
    """The end of a signup that the earlier version told must be said."""
    later = upgrade(await begin(make_service))
    await later.start(WHOLE)
    for _ in range(15):
        await later.pass_time(DAY)
    assert any("expired" in one for one in later.sales.headlines)


async def test_what_waits_at_an_upgrade_is_one_card(
    make_service: MakeService, upgrade: Callable[[Service], Service]
) -> None:
    """What the earlier version had not sent yet must become the one card of its case."""
    later = upgrade(await begin(make_service, sales=make_channel("sales", DeliveryUnavailable("down"))))
    await later.start(WHOLE)
    await later.poll(WHOLE, patience_seconds=60)
    later.source.show(make_account(ENABLED))
    await later.poll(WHOLE, patience_seconds=60)
    assert later.sales.forms == [MESSAGE, UPDATE, REPLY]
