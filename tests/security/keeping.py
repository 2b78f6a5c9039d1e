"""A service between doubles, with a store whose links can be looked for in its files."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.watch import AccountTarget
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.link_keeper import LinkKeeper
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database
from tests.fakes import ACCOUNT, FakeClock, FakeReceiver, FakeSource

LINK = "https://sign.example.com/CANARY-link"
TARGET = AccountTarget("dintero", ACCOUNT)
GRACE = timedelta(hours=24)
OLD_KEY, NEW_KEY = f"{'o' * 42}A=", f"{'n' * 42}A="


@dataclass
class Keeping:
    """One run of the program on a store; `sales` is told, `source` is read."""

    database: Database
    poller: Poller
    dispatcher: Dispatcher
    keeper: LinkKeeper
    source: FakeSource
    sales: FakeReceiver
    clock: FakeClock

    async def start(self) -> None:
        """Start as an engine does."""
        await self.dispatcher.start()
        await self.poller.start((TARGET,))

    async def poll(self, patience_seconds: float = 0.0) -> None:
        """Read once, and send what is due."""
        await self.poller.poll(TARGET)
        await self.dispatcher.drain(patience_seconds)

    def read_links(self) -> list[str | None]:
        """Return what stands in the column."""
        return [row[0] for row in query(self.database.path, "SELECT link FROM events ORDER BY event_key")]


Start = Callable[..., Keeping]
"""Begins a run on the test's store, with keys; the run before it has ended then."""


def begin(path: Path, clock: FakeClock, source: FakeSource, *keys: str) -> Keeping:
    """Begin a run on a store; the caller closes its database."""
    database = Database(f"sqlite:///{path}", keys)
    database.open()
    sales = FakeReceiver("sales")
    directory = Directory({"sales": sales.destination}, {"oncall": "sales"})
    courier = Courier({"sales": sales}, clock, House(), RetryPolicy(), lambda: 0.5)
    dispatcher = Dispatcher({"sales": sales}, database, clock, courier, RetryPolicy())
    recorder = Recorder(database, clock, Planner(DEFAULT_ROUTES, directory), FirstRun.OPEN)
    poller = Poller({"dintero": source}, database, recorder, clock, dispatcher.wake)
    keeper = LinkKeeper(database, clock, GRACE, has_key=bool(keys))
    return Keeping(database, poller, dispatcher, keeper, source, sales, clock)


def query(path: Path, statement: str) -> list[tuple[str | None, ...]]:
    """Read beside the product."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def count_in_files(path: Path, canary: bytes = b"CANARY") -> int:
    """Count a text in all of a store's files."""
    return sum(one.read_bytes().count(canary) for one in path.parent.glob(f"{path.name}*"))
