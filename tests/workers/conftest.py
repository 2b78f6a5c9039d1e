"""Several workers, each a process of its own, on one real PostgreSQL between a Dintero and a Slack."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.chaos.ledger import Ledger, compare
from tests.chaos.merchants import Does, perform
from tests.chaos.nursery import Life, Nursery
from tests.chaos.world import World, open_world, until
from tests.postgres import Cluster

PATIENCE_SECONDS: Final = 40.0
SHOPS: Final = ("P20000001", "P20000002", "P20000003")
STALLED_SECONDS: Final = 1.5
QUICK: Final = {
    "WORKERS__HEARTBEAT_SECONDS": "0.4",
    "WORKERS__STALLED_SECONDS": str(STALLED_SECONDS),
    "WORKERS__TICK_SECONDS": "1",
    "SLACK__TIMEOUT_SECONDS": "0.5",
    "DELIVERY__LOOK_SECONDS": "0.5",
}


@dataclass
class Site:
    """A world with a database, and what should stand in its Slack."""

    world: World
    cluster: Cluster
    url: str
    ledger: Ledger
    crew: list[Life] = field(default_factory=list)
    numbers: int = 0

    def hire(self, *options: str, **changed: str) -> Life:
        """Start a worker; `changed` are variables without their `NOTIFIER_`."""
        env = self.world.env | {f"NOTIFIER_{name}": text for name, text in changed.items()}
        life = self.world.nursery.bear(("run",), env, self.world.folder, *options)
        self.crew.append(life)
        return life

    def ask(self, account_id: str, name: str = "vipps") -> None:
        """Let a merchant apply, and Dintero ask for a signature."""
        if account_id not in self.world.dintero.account_ids():
            self.world.dintero.add_account(account_id, business_name="Fjordbris Sport AS")
        self.world.dintero.apply(account_id, name)
        perform(Does.ASKS, self.world, self.ledger, account_id, name)

    def sign(self, account_id: str, name: str = "vipps") -> None:
        """Let the signatory sign."""
        perform(Does.SIGNS, self.world, self.ledger, account_id, name)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        return self.cluster.execute(statement, self.url)

    @property
    def log(self) -> str:
        """What all workers have said so far."""
        path = self.world.folder / "err"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def is_told(self) -> bool:
        """Whether everything that is due stands in Slack, and nothing is left in the outbox."""
        outbox = self.world.count_outbox()
        is_sent = not outbox.get("due") and not outbox.get("sending")
        return is_sent and not compare(self.ledger.list_due(), self.world.board).lost

    async def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition, for no longer than is reasonable."""
        if not await until(condition, PATIENCE_SECONDS):
            pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}; they said:\n{self.log[-3000:]}")

    async def check(self) -> None:
        """Wait until everything is told, and fail where anything is lost, doubled or out of order."""
        await self.wait(self.is_told, "everything is told")
        found = compare(self.ledger.list_due(), self.world.board)
        assert found.is_clean, found

    async def dismiss(self, *lives: Life) -> None:
        """Let workers end in peace, and fail where one does not."""
        for life in lives:
            life.send(signal.SIGTERM)
        codes = await asyncio.gather(*(life.wait(PATIENCE_SECONDS) for life in lives))
        assert set(codes) <= {0}, (codes, self.log[-3000:])


@pytest.fixture
def cluster(postgres: Cluster) -> Cluster:
    """Give the PostgreSQL of this test process."""
    return postgres


@asynccontextmanager
async def open_site(
    nursery: Nursery, cluster: Cluster, folder: Path, template: str, **settings: str
) -> AsyncIterator[Site]:
    """Give a site with a new store; whoever still works there at the end is killed."""
    url = cluster.make_database(like=template)
    async with open_world(nursery, folder, settings=QUICK | {"STORE__URL": url} | settings) as world:
        site = Site(world, cluster, url, Ledger(world.dintero))
        try:
            yield site
        finally:
            for life in site.crew:
                if not life.ended.done():
                    await life.kill()
            cluster.drop_database(url)
    for crash in ("Traceback", "never awaited", "never retrieved", "a fault of the notifier's own"):
        assert crash not in site.log, site.log[-4000:]


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    nursery: Nursery, cluster: Cluster, tmp_path: Path, new_postgres_store: str
) -> AsyncIterator[Site]:
    """Give a site with three merchants, each of whom has something to sign."""
    async with open_site(nursery, cluster, tmp_path, new_postgres_store) as site:
        for shop in SHOPS:
            site.ask(shop)
        yield site
