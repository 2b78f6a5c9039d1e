"""One of several workers, made from the settings: a part of the composition root, for PostgreSQL alone."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial

from notifier import __version__
from notifier.dintero.pace import Budget
from notifier.domain import ranges
from notifier.domain.first_run import FirstRun
from notifier.domain.shards import plan_shards
from notifier.engines import Outside, list_chores, make_dispatcher, make_pace, make_planner, make_policy
from notifier.errors import StoreInUse, StoreUnavailable
from notifier.service.heartbeat import Pulse
from notifier.service.memory import Memory
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Clock, Store
from notifier.service.recorder import Recorder
from notifier.service.store_watch import StoreWatch
from notifier.settings import Settings
from notifier.store.address import read_address
from notifier.store.opening import open_for_engine
from notifier.store.postgres import PostgresStore
from notifier.workers.allowance import SharedBudget
from notifier.workers.alone import count_workers, reserved
from notifier.workers.clock import SharedClock
from notifier.workers.drains import Drains
from notifier.workers.errands import Errands
from notifier.workers.identity import Identity
from notifier.workers.lease import Lease
from notifier.workers.orders import Orders
from notifier.workers.passes import Passes
from notifier.workers.roster import Roster
from notifier.workers.shop import Places
from notifier.workers.worker import Cadence, Work, Worker


class Crew:
    """Makes one of several workers; the store that is open now keeps what they share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parameters = read_address(settings.store.url.get_secret_value()).parameters
        self._store: PostgresStore | None = None

    def open_store(self, *, creates: bool) -> PostgresStore:
        """Return the open store: whatever is made due in it is ordered in the same transaction."""
        address, keys = self._settings.store.url.get_secret_value(), self._settings.store.keys
        self._store = open_for_engine(PostgresStore(address, keys, Orders().announce), creates=creates)
        return self._store

    def make_worker(
        self, watch: StoreWatch, outside: Outside, own_clock: Clock, pulse: Pulse | None
    ) -> Worker:
        """Return a worker on the store that `watch` is attached to."""
        clock, leaving, wanted = SharedClock(own_clock), asyncio.Event(), self._settings.workers
        places, identity = Places(wanted.lanes, wanted.passes), Identity.make(wanted.called)
        return Worker(
            _make_work(self._settings, watch, outside, clock, leaving, identity=identity, pulse=pulse),
            watch,
            clock,
            Cadence(wanted.heartbeat_seconds, wanted.stalled_seconds, wanted.tick_seconds, places),
            leaving,
            parameters=self._parameters,
            version=__version__,
            identity=identity,
        )

    def make_budget(self, source: str, per_second: float | None) -> Budget:
        """Return the budget of a source, which all workers share."""
        return SharedBudget(source, per_second, self)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep others of this kind away; whoever is no worker would get in the way of workers.

        Raises StoreInUse where somebody is at work, and StoreUnavailable.
        """
        place = self._settings.store.place
        async with reserved(self._parameters) as is_alone:
            count = await count_workers(self._parameters, self._settings.workers.stalled_seconds)
            if count or not is_alone:
                who = "workers run" if count else "another `notifier run --once` works"
                raise StoreInUse(f"{who} on {place}, and do what this would do: stop them first")
            yield

    async def reserve(self, source: str, cost_seconds: float) -> float:
        """Reserve some of a source's time; return the seconds until it begins. Raises StoreError."""
        return await self._require_store().reserve(source, cost_seconds)

    async def hold(self, source: str, seconds: float) -> None:
        """Let nothing of a source be reserved for so long. Raises StoreError."""
        await self._require_store().hold(source, seconds)

    def _require_store(self) -> PostgresStore:
        if self._store is None:
            raise StoreUnavailable("the store is not open yet")
        return self._store


def _make_work(
    settings: Settings,
    watch: StoreWatch,
    outside: Outside,
    clock: Clock,
    leaving: asyncio.Event,
    *,
    identity: Identity,
    pulse: Pulse | None,
) -> Work:
    wanted = settings.workers
    # Whoever is taken for gone has been silent for longer than what it had claimed is good for.
    claim_seconds = wanted.stalled_seconds - wanted.heartbeat_seconds
    lease = Lease(clock.monotonic, wanted.stalled_seconds)
    dispatcher = make_dispatcher(settings, watch, outside, clock, claim_seconds)
    planner = make_planner(settings, outside)
    make_poller = partial(_make_poller, settings, outside, clock, planner)
    chores = list_chores(settings, watch, outside, clock, planner, on_news=_be_still, pulse=pulse)
    shards, pace = plan_shards(outside.targets), make_pace(settings)
    return Work(
        outside.targets,
        shards,
        dispatcher,
        make_poller(watch, Memory(), asker=str(identity)),
        Drains(dispatcher.lanes, watch, clock, leaving, make_policy(settings, outside)),
        Passes(
            shards,
            make_poller,
            watch,
            clock,
            pace,
            leaving,
            name=str(identity),
            jitter=random.random,
        ),
        Errands({type(chore).__name__: chore for chore in chores}, watch, clock),
        lease,
        Roster(watch, clock, outside.directory.destinations),
    )


def _make_poller(
    settings: Settings,
    outside: Outside,
    clock: Clock,
    planner: Planner,
    store: Store,
    memory: Memory,
    *,
    asker: str = "",
) -> Poller:
    return Poller(
        outside.sources,
        store,
        Recorder(store, clock, planner, FirstRun(settings.poll.first_run)),
        clock,
        _be_still,
        memory=memory,
        walk_interval_seconds=make_pace(settings).shortest_walk_seconds,
        range_accounts=ranges.RANGE_ACCOUNTS,
        asker=asker,
    )


def _be_still(destinations: Collection[str] | None = None) -> None:
    """Wake nobody: whatever is put into the outbox is ordered in the transaction that puts it there."""
