"""A store that is carried to another database goes on where it was."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from notifier.domain.delivery import Form
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryUnavailable, StoreInUse, StoreUnusable
from notifier.store import tables
from notifier.store.database import Database
from notifier.store.moving import move
from notifier.store.opening import AnyStore, make_store
from tests.fakes import ACCOUNT, FakeClock, make_account, make_connection, make_outcome, make_request
from tests.integration.conftest import make_url
from tests.postgres import Cluster
from tests.service.conftest import MakeService, make_services
from tests.service.test_cards import ENABLED, begin

WHOLE = AccountTarget("dintero", ACCOUNT)
MESSAGE, UPDATE, REPLY = Form.MESSAGE, Form.UPDATE, Form.REPLY
FAILED = make_connection("failed", make_request(), make_outcome("failed"))


@pytest.fixture
def database(file_store: Database) -> Database:
    """Give the file that is to be moved."""
    return file_store


@pytest.fixture
def empty(postgres: Cluster) -> Iterator[AnyStore]:
    """Give a PostgreSQL database without tables."""
    address = postgres.make_database()
    with make_store(address) as store:
        yield store
    postgres.drop_database(address)


async def test_nothing_is_told_again_after_a_move(
    make_service: MakeService, database: Database, empty: AnyStore, memory_path: Path, clock: FakeClock
) -> None:
    """What was told stays told, what waited is sent once, and news goes to the card that stands there."""
    before = await begin(make_service)
    before.sales.errors.append(DeliveryUnavailable("down"))
    before.source.show(make_account(ENABLED))
    await before.poll(WHOLE)
    assert before.sales.forms == [MESSAGE]
    database.close()
    with make_store(make_url(memory_path / "notifier.db")) as old:
        assert move(old, empty, clock.now())["accounts"] == 1
    after = make_services(empty, clock)(before.source, sales=before.sales)
    await after.start(WHOLE)
    for _ in range(2):
        await after.poll(WHOLE, patience_seconds=60)
    assert after.sales.forms == [MESSAGE, UPDATE, REPLY]
    # Numbers go on behind those that were copied.
    after.source.show(make_account(FAILED))
    await after.poll(WHOLE, patience_seconds=60)
    assert len(after.sales.forms) > 3


def test_every_row_is_carried_over_as_it_is(
    database: Database, empty: AnyStore, memory_path: Path, clock: FakeClock
) -> None:
    """Every table of the store must be the same on the other side."""
    database.run_now(lambda books: books.save_problem("subject", "it's \u00e6 sentence", clock.now()))
    query = select(tables.problems)
    kept = database.read_now(lambda connection: connection.execute(query).all())
    database.close()
    with make_store(make_url(memory_path / "notifier.db")) as old:
        move(old, empty, clock.now())
    assert empty.read_now(lambda connection: connection.execute(query).all()) == kept


def test_a_store_with_an_engine_is_not_moved(
    database: Database, empty: AnyStore, memory_path: Path, clock: FakeClock
) -> None:
    """What an engine still writes would be missing."""
    database.lock()
    with make_store(make_url(memory_path / "notifier.db")) as old, pytest.raises(StoreInUse):
        move(old, empty, clock.now())


def test_nothing_is_moved_into_a_store_that_is_not_empty(
    database: Database, postgres_url: str, memory_path: Path, clock: FakeClock
) -> None:
    """Two stores in one would tell of things that neither has seen."""
    with make_store(postgres_url) as target:
        target.open()
        target.run_now(lambda books: books.save_problem("x", "y", clock.now()))
    with (
        closing(make_store(make_url(memory_path / "notifier.db"))) as old,
        make_store(postgres_url) as target,
        pytest.raises(StoreUnusable, match="not empty"),
    ):
        move(old, target, clock.now())
