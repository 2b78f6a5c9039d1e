"""One of several workers, made from the settings: a part of the composition root, for PostgreSQL alone."""

import asyncio
import os
import random
import socket
from collections.abc import Collection

from notifier import __version__
from notifier.domain.first_run import FirstRun
from notifier.domain.shards import plan_shards
from notifier.engines import Outside, list_chores, make_dispatcher, make_pace, make_planner
from notifier.service.heartbeat import Pulse
from notifier.service.memory import Memory
from notifier.service.poller import Poller
from notifier.service.ports import Clock, Store
from notifier.service.recorder import Recorder
from notifier.service.store_watch import StoreWatch
from notifier.settings import Settings
from notifier.store.address import read_address
from notifier.store.postgres import PostgresStore
from notifier.workers.clock import SharedClock
from notifier.workers.drains import Drains
from notifier.workers.errands import Errands
from notifier.workers.orders import Orders
from notifier.workers.passes import Passes
from notifier.workers.shop import Places
from notifier.workers.worker import Cadence, Work, Worker


def open_shared_store(settings: Settings, *, creates: bool) -> PostgresStore:
    """Return the open store of a worker: whatever it makes due is ordered in the same transaction."""
    store = PostgresStore(settings.store.url.get_secret_value(), settings.store.keys, Orders().announce)
    try:
        store.open(creates=creates)
    except BaseException:
        store.close()
        raise
    return store


def make_worker(
    settings: Settings, watch: StoreWatch, outside: Outside, own_clock: Clock, pulse: Pulse | None
) -> Worker:
    """Return a worker on the store that `watch` is attached to."""
    clock, leaving = SharedClock(own_clock), asyncio.Event()
    wanted = settings.workers
    return Worker(
        _make_work(settings, watch, outside, clock, leaving, pulse),
        watch,
        clock,
        Cadence(
            wanted.heartbeat_seconds,
            wanted.stalled_seconds,
            wanted.tick_seconds,
            Places(wanted.lanes, wanted.passes),
        ),
        leaving,
        parameters=read_address(settings.store.url.get_secret_value()).parameters,
        version=__version__,
    )


def _make_work(
    settings: Settings,
    watch: StoreWatch,
    outside: Outside,
    clock: Clock,
    leaving: asyncio.Event,
    pulse: Pulse | None,
) -> Work:
    wanted = settings.workers
    # Whoever is taken for gone has been silent for longer than what it had claimed is good for.
    claim_seconds = wanted.stalled_seconds - wanted.heartbeat_seconds
    dispatcher = make_dispatcher(settings, watch, outside, clock, claim_seconds)
    planner = make_planner(settings, outside)
    first_run = FirstRun(settings.poll.first_run)
    chores = list_chores(settings, watch, outside, clock, planner, on_news=_be_still, pulse=pulse)
    shards = plan_shards(outside.targets)

    def make_poller(store: Store, memory: Memory) -> Poller:
        recorder = Recorder(store, clock, planner, first_run)
        return Poller(
            outside.sources,
            store,
            recorder,
            clock,
            _be_still,
            memory=memory,
            walk_interval_seconds=settings.poll.walk_seconds,
        )

    return Work(
        outside.targets,
        shards,
        dispatcher,
        make_poller(watch, Memory()),
        Drains(dispatcher.lanes, clock, leaving),
        Passes(
            shards,
            make_poller,
            watch,
            clock,
            make_pace(settings),
            leaving,
            name=f"{socket.gethostname()}:{os.getpid()}",
            jitter=random.random,
        ),
        Errands({type(chore).__name__: chore for chore in chores}, watch, clock),
    )


def _be_still(destinations: Collection[str] | None = None) -> None:
    """Wake nobody: whatever is put into the outbox is ordered in the transaction that puts it there."""
