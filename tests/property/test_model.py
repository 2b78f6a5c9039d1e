"""Any interleaving of events, faults, restarts and clock moves leaves exactly the model's messages.

`MODEL_EXAMPLES=2000 pytest tests/property/test_model.py` looks longer than the usual run.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from logging import CRITICAL
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionKey
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import Route
from notifier.domain.storm import StormGuard
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Target
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
    SourceMalformed,
    SourceRateLimited,
    SourceUnavailable,
    StoreUnavailable,
)
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.service.storms import Storms
from notifier.store.report import read_status
from tests.fakes import FakeClock
from tests.postgres import Cluster
from tests.property.grounds import FileGround, Ground, ServerGround
from tests.property.test_model_world import (
    KEYS,
    Channel,
    Dintero,
    Killed,
    Lists,
    MortalStore,
    Story,
    Trouble,
)

HOUR: Final = 3600.0

_POLICY: Final = RetryPolicy(give_up_after=timedelta(days=36_500))
_ROUTES: Final = (Route(receivers=("asked", "deaf")),)
_IDS: Final = sorted({key.account_id for key in KEYS})
_WAYS: Final[dict[str, tuple[Target, ...]]] = {
    "accounts": tuple(AccountTarget("dintero", one) for one in _IDS),
    "connections": tuple(ConnectionTarget("dintero", key) for key in KEYS),
    "partner": (PartnerTarget("dintero", "P11200000"),),
}

Happening: TypeAlias = tuple[ConnectionKey, int]
"""Something that happens to a connection: one of what can happen to it then."""

UNCERTAINTIES: Final = (DeliveryUnavailable("down"), DeliveryAmbiguous("cut off"))
UNREADABLE: Final = (SourceUnavailable("down"), SourceRateLimited("slow"), SourceMalformed("odd"), KeyError())

happenings = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 10)), min_size=1, max_size=3)
served = st.builds(Lists, st.booleans(), st.booleans(), st.none() | st.integers(2, 4), st.booleans())
unreadable = st.none() | st.none() | st.sampled_from(UNREADABLE)
fates: st.SearchStrategy[list[str]] = st.just([]) | st.lists(
    st.sampled_from(["", "", "fails", "killed before", "killed after"]), max_size=6
)
patience = st.sampled_from([0.0, 20.0, HOUR])
late = st.sampled_from([0.0, 0.0, 5.0, 12.0])
slow = st.sampled_from([0.0, 0.0, 4.0, 14.0])
unclear = st.builds(
    Trouble,
    st.sampled_from([DeliveryAmbiguous("cut off"), ZeroDivisionError(), Killed()]),
    is_taken=st.booleans(),
    stands_after_seconds=slow,
    shows_after_seconds=late,
)
broken = st.builds(
    Trouble,
    st.just(DeliveryAmbiguous("500", was_answered=True)),
    is_taken=st.booleans(),
    shows_after_seconds=late,
)
refused = st.sampled_from(
    [
        Trouble(DeliveryUnavailable("down")),
        Trouble(DeliveryRateLimited("slow", retry_after_seconds=1.0)),
        Trouble(DeliveryRateLimited("slow", retry_after_seconds=1e9)),
        Trouble(DeliveryRejected("form", scope="message"), is_about_form=True),
        Trouble(DeliveryRejected("no channel", scope="receiver")),
        Trouble(holds_up_seconds=20.0),
        Trouble(holds_up_seconds=40.0),
    ]
)
troubles = st.lists(unclear | broken | refused, min_size=1, max_size=3)


class Interleaving(RuleBasedStateMachine):
    """The real service between a Dintero and two channels, with everything that may happen to it."""

    courier_kind: type[Courier] = Courier
    dispatcher_kind: type[Dispatcher] = Dispatcher

    def __init__(self, make_ground: Callable[[], Ground]) -> None:
        super().__init__()
        self.ground = make_ground()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.dintero = Dintero(self.clock)
        self.asked = Channel("asked", self.clock, can_be_asked=True, ahead_seconds=-200.5)
        self.deaf = Channel("deaf", self.clock, can_be_asked=False, ahead_seconds=0.0)
        self.stories = {key: Story(key) for key in KEYS}
        self.words: set[str] = set()
        self.database = self.ground.make_store()

    @initialize(way=st.sampled_from(sorted(_WAYS)), happenings=happenings)
    def start(self, way: str, happenings: list[Happening]) -> None:
        """Start the service for the first time, when some things have happened."""
        self.targets = _WAYS[way]
        self._happen(happenings)
        self._start(())

    # What happens at Dintero

    @rule(happenings=happenings)
    def happen(self, happenings: list[Happening]) -> None:
        """Things happen to connections."""
        self._happen(happenings)

    @rule(lists=served)
    def serve_lists(self, lists: Lists) -> None:
        """Lists of events are served in another way."""
        self.dintero.lists = lists

    @rule()
    def lag(self) -> None:
        """Answers are those from before the last thing that happened, or no more."""
        self.dintero.is_lagging = not self.dintero.is_lagging

    # What the service does

    @rule(happenings=happenings, fates=fates, error=unreadable)
    def poll(self, happenings: list[Happening], fates: list[str], error: Exception | None) -> None:
        """Everything is read once, as far as that goes."""
        self._happen(happenings)
        self.dintero.errors = [error] if error else []
        self._poll(fates)
        self.dintero.errors = []

    @rule(patience=patience)
    def deliver(self, patience: float) -> None:
        """What is due is sent."""
        self._deliver([], patience)

    @rule(
        happenings=happenings,
        fates=fates,
        patience=patience,
        asked=troubles,
        deaf=st.just([]) | troubles,
        deafness=st.lists(st.sampled_from(UNCERTAINTIES), max_size=3),
    )
    def deliver_in_trouble(
        self,
        happenings: list[Happening],
        fates: list[str],
        patience: float,
        asked: list[Trouble],
        deaf: list[Trouble],
        deafness: list[Exception],
    ) -> None:
        """What is due is sent, some news among it, and meets with trouble."""
        self._happen(happenings)
        self._poll([])
        self.asked.troubles, self.deaf.troubles, self.asked.deafness = asked, deaf, deafness
        self._deliver(fates, patience)

    @rule(fates=st.just([]) | fates)
    def restart(self, fates: list[str]) -> None:
        """The process ends, and another one starts, perhaps not for long."""
        self._start(fates)

    @rule(seconds=st.sampled_from([1.0, 10.0, 60.0, HOUR, 100 * HOUR]))
    def pass_time(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-100 * HOUR, -HOUR, -20.0, 20.0, HOUR, 100 * HOUR]))
    def set_clock(self, seconds: float) -> None:
        """Somebody sets the machine's clock."""
        self.clock.jump(seconds)

    # What must hold

    @invariant()
    def nothing_is_doubled(self) -> None:
        """The channel that can be asked has no message twice, at any time."""
        ids = [post.message.notification_id for post in self.asked.posts]
        assert len(ids) == len(set(ids)), self.asked.tell(is_deduplicated=False)

    def teardown(self) -> None:
        """When the faults are over, exactly the model's messages stand, after a bounded time."""
        try:
            if hasattr(self, "targets"):
                self._settle()
                self._compare()
        finally:
            self.database.close()
            self.runner.close()
            self.ground.clean()

    def _settle(self) -> None:
        for channel in (self.asked, self.deaf):
            channel.troubles, channel.deafness = [], []
        self.dintero.is_lagging = False
        self._poll(())
        self.runner.run(self.dispatcher.drain(3 * HOUR))
        assert set(self.database.read_now(read_status).outbox) <= {"delivered"}

    def _compare(self) -> None:
        expected = {case: told for story in self.stories.values() for case, told in story.told.items()}
        assert self.asked.tell(is_deduplicated=False) == expected
        assert self.deaf.tell(is_deduplicated=True) == expected

    # The process

    def _start(self, fates: Sequence[str]) -> None:
        """Start a process on the store, and start it again for as long as it dies at once."""
        self.database.close()
        self.database = self.ground.make_store()
        self.database.open()
        self.store = MortalStore(self.database, self._hear)
        receivers = {one.name: one for one in (self.asked, self.deaf)}
        for one in receivers.values():
            one.is_introduced = False
        directory = Directory({one.name: one.destination for one in receivers.values()}, {})
        courier = self.courier_kind(receivers, self.clock, House(), _POLICY, lambda: 0.5)
        # Each message is counted: digests have tests of their own.
        storms = Storms(StormGuard(0))
        self.dispatcher = self.dispatcher_kind(receivers, self.store, self.clock, courier, _POLICY, storms)
        planner, early = Planner(_ROUTES, directory), self.dispatcher.early
        recorder = Recorder(self.store, self.clock, planner, FirstRun.ALL, early)
        self.poller = Poller(
            {"dintero": self.dintero}, self.store, recorder, self.clock, self.dispatcher.wake
        )
        self.store.meet(fates)
        self._live(self._begin())

    async def _begin(self) -> None:
        await self.dispatcher.start()
        await self.poller.start(self.targets)

    def _happen(self, happenings: list[Happening]) -> None:
        for key, number in happenings:
            possible = self.dintero.list_possible(self.dintero.lives[key])
            possible[number % len(possible)]()

    def _poll(self, fates: Sequence[str]) -> None:
        self.store.meet(fates)
        for target in self.targets:
            self._live(self.poller.poll(target))

    def _deliver(self, fates: Sequence[str], patience: float) -> None:
        self.store.meet(fates)
        self._live(self.dispatcher.drain(patience))

    def _live(self, doing: Coroutine[Any, Any, object]) -> None:
        """Do something; where it ends in death, the next process starts."""
        try:
            self.runner.run(doing)
        except BaseException as error:
            if not _is_death(error):
                raise
            self._start(())

    def _hear(self, is_committed: bool) -> None:
        """What Dintero answered is known once it is committed."""
        for one in self.dintero.answered if is_committed else ():
            self.stories[one.key].hear(one, self.words)
        self.dintero.answered = []


def _is_death(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_death(one) for one in error.exceptions)
    return isinstance(error, Killed | StoreUnavailable)


@contextmanager
def be_quiet() -> Iterator[None]:
    """Log nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()


def run_model(
    kind: type[Interleaving], make_ground: Callable[[], Ground], examples: int, **changed: Any
) -> None:
    """Run a machine through so many lives, each on a ground of its own."""
    # A failure of the short form is said at once; the long one takes its time to make it small.
    is_short = "MODEL_EXAMPLES" not in os.environ
    changed.setdefault("phases", (Phase.explicit, Phase.generate) if is_short else tuple(Phase))
    profile = settings(
        max_examples=examples,
        stateful_step_count=25,
        # The short form is the same every time; the long one (MODEL_EXAMPLES=n) looks for something new.
        derandomize=is_short,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **changed,
    )
    with be_quiet():
        machine = partial(kind, make_ground)
        run_state_machine_as_test(machine, settings=profile)  # type: ignore[arg-type]  # any maker will do


def test_any_interleaving_leaves_exactly_the_models_messages(new_store: Path) -> None:
    """Nothing is lost; nothing stands twice where the receiver can be asked; a case keeps its order."""
    run_model(Interleaving, partial(FileGround, new_store), int(os.environ.get("MODEL_EXAMPLES", "60")))


def test_the_model_holds_on_postgresql(postgres: Cluster, new_postgres_store: str) -> None:
    """The same lives, fewer of them, on the store that several machines share."""
    ground = partial(ServerGround, postgres, new_postgres_store)
    run_model(Interleaving, ground, int(os.environ.get("MODEL_EXAMPLES", "6")))
