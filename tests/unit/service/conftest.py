"""A service put together from real parts between doubles."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.watch import Target
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database
from tests.fakes import FakeClock, FakeReceiver, FakeSource


@dataclass
class Service:
    """The parts of one engine, to be driven step by step."""

    poller: Poller
    dispatcher: Dispatcher
    source: FakeSource
    sales: FakeReceiver
    oncall: FakeReceiver
    clock: FakeClock
    database: Database

    async def start(self, *targets: Target) -> None:
        """Start as an engine does."""
        await self.dispatcher.start()
        await self.poller.start(targets)

    async def poll(self, *targets: Target, patience_seconds: float = 0.0) -> None:
        """Read the targets once and send what is due."""
        for target in targets:
            await self.poller.poll(target)
        await self.dispatcher.drain(patience_seconds)


MakeService = Callable[..., Service]


@pytest.fixture
def make_service(database: Database, clock: FakeClock) -> MakeService:
    """Give a maker of services on one store; each is one run of the program."""

    def make(
        source: FakeSource,
        *,
        first_run: FirstRun = FirstRun.OPEN,
        sales: FakeReceiver | None = None,
        oncall: FakeReceiver | None = None,
    ) -> Service:
        sales = sales or FakeReceiver("sales")
        oncall = oncall or FakeReceiver("oncall")
        receivers = {one.name: one for one in (sales, oncall)}
        directory = Directory({one.name: one.destination for one in (sales, oncall)}, {})
        courier = Courier(receivers, database, clock, House(), RetryPolicy(), lambda: 0.5)
        dispatcher = Dispatcher(receivers, database, clock, courier, RetryPolicy())
        recorder = Recorder(database, clock, Planner(DEFAULT_ROUTES, directory), first_run)
        poller = Poller({"dintero": source}, database, recorder, clock, dispatcher.wake)
        return Service(poller, dispatcher, source, sales, oncall, clock, database)

    return make
