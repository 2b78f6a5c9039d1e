"""A service put together from real parts between doubles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import pytest

from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.intervals import TimeInterval
from notifier.domain.plan import Directory
from notifier.domain.reminders import Schedule
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_ROUTES, DEFAULT_SCHEDULE, Route
from notifier.domain.storm import StormGuard
from notifier.domain.watch import Target
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.quiet_keeper import QuietKeeper
from notifier.service.recorder import Recorder
from notifier.service.reminders import ReminderKeeper
from notifier.service.stale import StaleKeeper
from notifier.service.storms import Storms
from notifier.store.opening import AnyStore
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
    database: AnyStore
    reminders: ReminderKeeper
    quiet: QuietKeeper
    stale: StaleKeeper

    async def start(self, *targets: Target) -> None:
        """Start as an engine does."""
        await self.dispatcher.start()
        await self.poller.start(targets)

    async def poll(self, *targets: Target, patience_seconds: float = 0.0) -> None:
        """Read the targets once and send what is due."""
        for target in targets:
            await self.poller.poll(target)
        await self.dispatcher.drain(patience_seconds)

    async def pass_time(self, span: timedelta, patience_seconds: float = 5.0) -> None:
        """Let time pass, and have said what it brings about."""
        self.clock.advance(span.total_seconds())
        for chore in (self.reminders, self.stale, self.quiet):
            await chore.tend()
        await self.dispatcher.drain(patience_seconds)


MakeService = Callable[..., Service]

of_many = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""For tests of many rows: what they are about is asked of a few on both stores elsewhere, in less time."""


@pytest.fixture
def database(store: AnyStore) -> AnyStore:
    """Give an open store, of each kind in turn: what the service does must be the same on both."""
    return store


@pytest.fixture
def make_service(database: AnyStore, clock: FakeClock) -> MakeService:
    """Give a maker of services on one store; each is one run of the program."""
    return make_services(database, clock)


def make_services(database: AnyStore, clock: FakeClock) -> MakeService:
    """Return a maker of services on a store."""

    def make(
        source: FakeSource,
        *,
        first_run: FirstRun = FirstRun.OPEN,
        sales: FakeReceiver | None = None,
        oncall: FakeReceiver | None = None,
        routes: tuple[Route, ...] = DEFAULT_ROUTES,
        intervals: Mapping[str, TimeInterval] = MappingProxyType({}),
        schedule: Schedule | None = None,
        storm_cards: int = 0,
        is_alone: bool = True,
    ) -> Service:
        sales = sales or FakeReceiver("sales")
        oncall = oncall or FakeReceiver("oncall")
        receivers = {one.name: one for one in (sales, oncall)}
        directory = Directory(
            {one.name: one.destination for one in (sales, oncall)},
            {},
            {one.destination: one.traits for one in (sales, oncall)},
        )
        courier = Courier(receivers, clock, House(), RetryPolicy(), lambda: 0.5)
        storms = Storms(StormGuard(storm_cards))
        dispatcher = Dispatcher(receivers, database, clock, courier, RetryPolicy(), storms, is_alone=is_alone)
        planner = Planner(routes, directory, intervals)
        recorder = Recorder(database, clock, planner, first_run, dispatcher.early)
        poller = Poller({"dintero": source}, database, recorder, clock, dispatcher.wake)
        schedules = {DEFAULT_SCHEDULE: schedule or Schedule()}
        wake = dispatcher.wake
        return Service(
            poller,
            dispatcher,
            source,
            sales,
            oncall,
            clock,
            database,
            ReminderKeeper(database, clock, planner, schedules, wake, lambda: poller.targets),
            QuietKeeper(database, clock, planner, directory, wake),
            StaleKeeper(database, clock, planner, schedules, wake, lambda: poller.targets),
        )

    return make
