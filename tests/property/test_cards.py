"""Whatever happens to a connection, in whatever order: one card a case, and no reminder after its end."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.compose import House
from notifier.domain.delivery import Form, Traits
from notifier.domain.first_run import FirstRun
from notifier.domain.message import Link
from notifier.domain.plan import Directory
from notifier.domain.reminders import Schedule
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_SCHEDULE, Route
from notifier.domain.storm import StormGuard
from notifier.domain.watch import AccountTarget
from notifier.errors import DeliveryAmbiguous, DeliveryRateLimited, DeliveryUnavailable
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.service.reminders import ReminderKeeper
from notifier.service.storms import Storms
from notifier.store.database import Database
from tests.fakes import (
    ACCOUNT,
    FakeClock,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.property.dintero_strategies import examine

WHOLE = AccountTarget("dintero", ACCOUNT)
ENDS = ("enabled", "failed", "declined")
STEP = st.one_of(
    st.sampled_from(("enabled", "failed", "declined", "pending", "link", "signup", "gone")),
    st.integers(1, 20),  # days
)
TROUBLE = st.sampled_from((None, "unavailable", "taken", "limited"))
ERRORS = {
    "unavailable": DeliveryUnavailable("down"),
    "taken": DeliveryAmbiguous("cut", code="taken"),
    "limited": DeliveryRateLimited("slow", retry_after_seconds=3),
}


class World:
    """A connection that goes through steps, and the service that tells of it."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.sales = FakeReceiver("sales")
        self.sales.traits = Traits(has_threads=True)
        self.sales.can_be_asked = True
        self.source = FakeSource(make_account())
        receivers = {"sales": self.sales}
        directory = Directory(
            {"sales": self.sales.destination}, {}, {self.sales.destination: self.sales.traits}
        )
        planner = Planner((Route(("sales",), name="all"),), directory)
        courier = Courier(receivers, self.clock, House(), RetryPolicy(), lambda: 0.5)
        storms = Storms(StormGuard(0))
        self.dispatcher = Dispatcher(receivers, database, self.clock, courier, RetryPolicy(), storms)
        recorder = Recorder(database, self.clock, planner, FirstRun.ALL)
        self.poller = Poller({"dintero": self.source}, database, recorder, self.clock, self.dispatcher.wake)
        self.reminders = ReminderKeeper(
            database, self.clock, planner, {DEFAULT_SCHEDULE: Schedule()}, self.dispatcher.wake
        )
        self.status, self.link, self.signup = "pending", 1, 1

    async def begin(self) -> None:
        """Start the service."""
        await self.dispatcher.start()
        await self.poller.start((WHOLE,))

    async def take(self, step: "str | int", trouble: str | None) -> None:
        """Take one step, with or without trouble at the receiver."""
        self.sales.errors = [ERRORS[trouble]] if trouble else []
        if isinstance(step, int):
            self.clock.advance(timedelta(days=step).total_seconds())
        elif step == "link":
            self.link += 1
        elif step == "signup":
            self.signup += 1
            self.status = "pending"
        else:
            self.status = step
        self.show()
        await self.poller.poll(WHOLE)
        await self.poller.poll(WHOLE)
        await self.reminders.tend()
        await self.dispatcher.drain(4_000)

    def show(self) -> None:
        """Show the connection as it is now."""
        if self.status == "gone":
            self.source.show(make_account())
            return
        events = [make_request(self.signup, f"https://sign.example.com/{self.signup}/{self.link}")]
        if self.status in ENDS:
            events.append(make_outcome(self.status, 100 * self.signup + ENDS.index(self.status)))
        self.source.show(
            make_account(make_connection(self.status, *events, signup_id=f"signup-{self.signup}"))
        )


@examine(12)
@given(st.lists(st.tuples(STEP, TROUBLE), max_size=8))
def test_one_card_a_case_and_no_reminder_after_its_end(steps: list[tuple["str | int", str | None]]) -> None:
    """No sequence of changes, days and faults may give two cards for a case, or remind of what is over."""

    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{Path(folder)}/store.db")
            database.open()
            try:
                world = World(database)
                await world.begin()
                for step, trouble in [("pending", None), *steps]:
                    before = len(world.sales.taken)
                    await world.take(step, trouble)
                    judge(world, before)
            finally:
                database.close()

    asyncio.run(live())


def judge(world: World, before: int) -> None:
    """Hold what stands against what may stand."""
    cards = [one.case_id for one in world.sales.list_as(Form.MESSAGE)]
    assert len(cards) == len(set(cards)), "two cards for one case"
    said = [one.notification_id for one in world.sales.list_as(Form.REPLY)]
    assert len(said) == len(set(said)), "a reply stands twice"
    if world.status != "pending":
        news = world.sales.taken[before:]
        assert not any(one.topic in {"reminder", "expires_soon"} for one in news), "reminded of what is over"
        shown = [*world.sales.list_as(Form.MESSAGE), *world.sales.list_as(Form.UPDATE)]
        assert not isinstance(shown[-1].action, Link), "a link of no more use"
