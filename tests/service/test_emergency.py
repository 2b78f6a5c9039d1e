"""On-call is told directly when the store fails for long: once, and once when it is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
import structlog

from notifier.domain.message import Severity
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
    StoreError,
    StoreInUse,
    StoreReplaced,
    StoreUnavailable,
    StoreUnusable,
)
from notifier.receivers.slack.blocks import render
from notifier.service.emergency import Emergency, Trouble, compose_alarm, compose_all_clear
from notifier.service.store_watch import StoreWatch
from tests.fakes import NOW, FakeClock, FakeReceiver

_T = TypeVar("_T")
FULL = StoreUnavailable("the store /data/n.db cannot grow, the disk is full: free some space (SQLITE_FULL)")
TROUBLE = Trouble(NOW, str(FULL))
WHERE = "/data/n.db on host-1"


class FaultyStore:
    """Does nothing but fail, while it is given an error."""

    def __init__(self, error: StoreError | None = None) -> None:
        self.error = error
        self.asked = 0

    async def run(self, job: Callable[[Any], _T]) -> _T:
        """Fail, or run the job on nothing."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return job(None)

    async def clean(self, *, compacts: bool) -> bool:
        """Fail, or do nothing."""
        return await self.run(lambda _books: compacts)


class Stage:
    """A store that is watched, and somebody on call."""

    def __init__(self, clock: FakeClock, *receivers: FakeReceiver, after_seconds: float = 30.0) -> None:
        self.store = FaultyStore()
        self.clock = clock
        self.emergency = Emergency(receivers, WHERE, clock)
        self.watch = StoreWatch(clock, self.emergency, after_seconds)
        self.watch.attach(self.store)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let everything go its way; the clock runs by itself."""
        parts = (self.emergency.run(), self.watch.observe(), self.watch.guard(lambda _books: None))
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def fail(self, seconds: float) -> None:
        """Let the store fail for a time."""
        self.store.error = FULL
        with pytest.raises(StoreUnavailable):
            await self.watch.run(lambda _books: None)
        await self.pass_time(seconds)

    async def mend(self) -> None:
        """Let the store work again, for as long as it takes everybody to know."""
        self.store.error = None
        await self.pass_time(60)

    async def pass_time(self, seconds: float) -> None:
        """Let others go on until so much time has passed."""
        until = self.clock.monotonic() + seconds
        for _ in range(200_000):
            if self.clock.monotonic() >= until:
                return
            await asyncio.sleep(0)
            if not self._is_moving():
                self.clock.advance(1)
        pytest.fail("time stands still")

    def _is_moving(self) -> bool:
        return not self.watch.is_well.is_set()


async def test_a_trouble_is_told_once_and_its_end_once(clock: FakeClock) -> None:
    """However long the store fails and however often it is asked, there are two messages."""
    oncall = FakeReceiver("oncall")
    stage = Stage(clock, oncall)
    async with stage.running():
        await stage.fail(600)
        for _ in range(50):
            with pytest.raises(StoreUnavailable, match="disk is full"):
                await stage.watch.run(lambda _books: None)
        await stage.fail(600)
        await stage.mend()
    assert [message.topic for message in oncall.taken] == ["store_down", "store_up"]
    assert oncall.taken[0].wants_mention


async def test_a_short_trouble_is_told_to_nobody(clock: FakeClock) -> None:
    """What passes within the grace time is in the log alone."""
    oncall = FakeReceiver("oncall")
    stage = Stage(clock, oncall)
    async with stage.running():
        await stage.fail(10)
        await stage.mend()
        await stage.fail(10)
        await stage.mend()
    assert oncall.taken == []


async def test_each_trouble_is_told(clock: FakeClock) -> None:
    """A store that fails again after it has worked for a while is news."""
    oncall = FakeReceiver("oncall")
    stage = Stage(clock, oncall)
    async with stage.running():
        for _ in range(2):
            await stage.fail(100)
            await stage.mend()
    assert [message.topic for message in oncall.taken] == ["store_down", "store_up"] * 2
    assert len({message.notification_id for message in oncall.taken}) == 4


@pytest.mark.parametrize(
    "error",
    [
        DeliveryUnavailable("down"),
        DeliveryRateLimited("slow", retry_after_seconds=7),
        DeliveryRejected("no such channel", scope="receiver"),
        DeliveryAmbiguous("cut off"),
        RuntimeError("a fault of our own"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_receiver_that_fails_is_told_later(clock: FakeClock, error: Exception) -> None:
    """Whatever a receiver answers, it is tried until it has the message; another does not wait for it."""
    weak, strong = FakeReceiver("weak", *[error] * 5), FakeReceiver("strong")
    stage = Stage(clock, weak, strong)
    async with stage.running():
        await stage.fail(600)
        assert [message.topic for message in (*weak.taken, *strong.taken)] == ["store_down"] * 2
    assert len(weak.attempts) == 6


async def test_a_message_that_is_refused_goes_plain(clock: FakeClock) -> None:
    """A receiver that refuses the message as it is gets it in the plainest form."""
    oncall = FakeReceiver("oncall", DeliveryRejected("invalid_blocks", scope="message"))
    stage = Stage(clock, oncall)
    async with stage.running():
        await stage.fail(100)
    assert oncall.attempts == [False, True]


async def test_what_was_not_told_in_time_is_told_with_its_end(clock: FakeClock) -> None:
    """A receiver that was down all the time is told afterwards what was, in one message."""
    oncall = FakeReceiver("oncall", *[DeliveryUnavailable("down")] * 9)
    stage = Stage(clock, oncall)
    async with stage.running():
        await stage.fail(60)
        await stage.mend()
        await stage.pass_time(2000)
    assert [message.topic for message in oncall.taken] == ["store_up"]
    assert [moment.label for moment in oncall.taken[0].moments] == ["Failed from", "To"]


async def test_a_failing_store_is_left_alone(clock: FakeClock) -> None:
    """While it fails only probes reach it, less and less often, and the log has one line a minute."""
    stage = Stage(clock)
    with structlog.testing.capture_logs() as lines:
        async with stage.running():
            await stage.fail(600)
            asked = stage.store.asked
            for _ in range(1000):
                with pytest.raises(StoreUnavailable):
                    await stage.watch.run(lambda _books: None)
            assert stage.store.asked == asked
            assert asked < 600 / 5 + 10
            await stage.mend()
    said = [line["event"] for line in lines]
    assert said[0] == "the store fails: polls and deliveries wait for it"
    assert said[-1] == "the store works again"
    assert 5 <= said.count("the store still fails") <= 11
    assert len(said) == said.count("the store still fails") + 2


@pytest.mark.parametrize("error", [StoreReplaced("another file"), StoreInUse("another engine")])
async def test_a_store_that_is_no_longer_ours_ends_the_engine(clock: FakeClock, error: StoreError) -> None:
    """When another file or another engine has taken the place, the guard says so and does not try on."""
    stage = Stage(clock)
    stage.store.error = error
    guard = asyncio.ensure_future(stage.watch.guard(lambda _books: None))
    with pytest.raises(type(error)):
        await stage.watch.run(lambda _books: None)
    with pytest.raises(type(error)):
        await guard
    with pytest.raises(type(error)):
        await stage.watch.clean(compacts=False)


async def test_a_damaged_store_is_told_as_such(clock: FakeClock) -> None:
    """The newest sentence is the one that is told."""
    oncall = FakeReceiver("oncall")
    stage = Stage(clock, oncall)
    async with stage.running():
        await stage.fail(5)
        stage.store.error = StoreUnusable("the store /data/n.db is damaged: restore a backup")
        await stage.pass_time(60)
    assert "is damaged" in oncall.taken[0].facts[0].value


@pytest.mark.parametrize("is_plain", [False, True])
def test_slack_can_show_the_messages(*, is_plain: bool) -> None:
    """Both messages say what, where and how to mend it, in every form that Slack takes."""
    alarm = render(compose_alarm(TROUBLE, WHERE), is_plain=is_plain)
    all_clear = render(compose_all_clear(TROUBLE, WHERE, NOW), is_plain=is_plain)
    for post in (alarm, all_clear):
        # Slack must not take "n.db" for an address.
        shown = post.text.replace("\u2060", "") + repr(post.blocks)
        assert "disk is full" in shown
        assert WHERE in shown
        assert post.metadata["event_payload"]["notification_id"]
        assert bool(post.blocks) is not is_plain


def test_a_machine_can_tell_that_the_trouble_is_over() -> None:
    """Alarm and all-clear must be of one matter, for a receiver that opens an incident and ends it."""
    trouble = Trouble(NOW, "the disk is full")
    alarm, clear = compose_alarm(trouble, "here"), compose_all_clear(trouble, "here", NOW)
    assert alarm.case_id == clear.case_id
    assert (alarm.severity, alarm.is_over, clear.is_over) == (Severity.CRITICAL, False, True)
