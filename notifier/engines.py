"""The parts of an engine, made from the settings: a part of the composition root.

Both engines are made of the same: what finds out, what tells, and what is done now and then.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from notifier import __version__
from notifier.alarms import make_chores
from notifier.assembly import make_texts
from notifier.domain.compose import House
from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.storm import StormGuard
from notifier.domain.watch import Target
from notifier.routing import list_intervals, list_routes, list_schedules
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.engine import Engine
from notifier.service.head_start import HeadStart
from notifier.service.heartbeat import Pulse
from notifier.service.link_keeper import LinkKeeper, LinkStore
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Chore, Clock, Receiver, Source
from notifier.service.pruner import Pruner
from notifier.service.quiet_keeper import QuietKeeper
from notifier.service.recorder import Recorder
from notifier.service.reminders import ReminderKeeper
from notifier.service.stale import StaleKeeper
from notifier.service.store_watch import StoreWatch
from notifier.service.storms import Storms
from notifier.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the settings name outside this process, connected but not yet used."""

    sources: Mapping[str, Source]
    targets: tuple[Target, ...]
    receivers: Mapping[str, Receiver]
    directory: Directory


def make_policy(settings: Settings, outside: Outside) -> RetryPolicy:
    """Return how patiently messages are delivered."""
    delivery = settings.delivery
    return RetryPolicy(
        first_seconds=delivery.first_retry_seconds,
        max_seconds=delivery.max_retry_seconds,
        give_up_after=timedelta(hours=delivery.give_up_after_hours),
        request_seconds=max(receiver.timeout_seconds for receiver in outside.receivers.values()),
        look_seconds=delivery.look_seconds,
    )


def make_dispatcher(
    settings: Settings, store: LinkStore, outside: Outside, clock: Clock, claim_seconds: float | None = None
) -> Dispatcher:
    """Return what hands over messages.

    Where other processes do so too, what this one has claimed is good for `claim_seconds`.
    """
    delivery, policy = settings.delivery, make_policy(settings, outside)
    if claim_seconds is not None:
        policy = replace(policy, claim_seconds=claim_seconds)
    house = House(tuple(settings.links.allowed_hosts), settings.links.backoffice_url)
    courier = Courier(
        outside.receivers, clock, house, policy, random.random, reword=make_texts(settings, clock)
    )
    storms = Storms(StormGuard(delivery.storm_cards, timedelta(seconds=delivery.storm_seconds)))
    return Dispatcher(
        outside.receivers, store, clock, courier, policy, storms, is_alone=claim_seconds is None
    )


def make_planner(settings: Settings, outside: Outside) -> Planner:
    """Return what decides who is told."""
    return Planner(list_routes(settings), outside.directory, list_intervals(settings))


def make_pace(settings: Settings) -> Pace:
    """Return how often is polled."""
    polling = settings.poll
    return Pace(
        polling.interval_seconds,
        polling.quiet_interval_seconds,
        polling.concurrency,
        polling.walk_seconds,
    )


def list_chores(
    settings: Settings,
    store: LinkStore,
    outside: Outside,
    clock: Clock,
    planner: Planner,
    *,
    on_news: Callable[[], None],
    pulse: Pulse | None,
) -> tuple[Chore, ...]:
    """Return what is done now and then, beside polls and deliveries."""
    grace = timedelta(hours=settings.store.link_grace_hours)
    days = settings.store.retention_days
    schedules = list_schedules(settings)
    own = make_chores(
        settings, store, clock, outside.targets, outside.directory, on_news=on_news, pulse=pulse
    )
    return (
        LinkKeeper(store, clock, grace, has_key=bool(settings.store.keys)),
        ReminderKeeper(store, clock, planner, schedules, on_news, lambda: outside.targets),
        StaleKeeper(store, clock, planner, schedules, on_news, lambda: outside.targets),
        QuietKeeper(store, clock, planner, outside.directory, on_news),
        *own,
        *((Pruner(store, clock, timedelta(days=days)),) if days else ()),
    )


def make_engine(
    settings: Settings,
    store: LinkStore,
    outside: Outside,
    clock: Clock,
    watch: StoreWatch | None = None,
    head_start: HeadStart | None = None,
    *,
    pulse: Pulse | None = None,
) -> Engine:
    """Return the engine of one process."""
    dispatcher = make_dispatcher(settings, store, outside, clock)
    planner = make_planner(settings, outside)
    recorder = Recorder(store, clock, planner, FirstRun(settings.poll.first_run), dispatcher.early)
    take_early = (head_start or HeadStart({}, clock)).take
    pace = make_pace(settings)
    return Engine(
        outside.targets,
        Poller(
            outside.sources,
            store,
            recorder,
            clock,
            dispatcher.wake,
            take_early,
            walk_interval_seconds=pace.shortest_walk_seconds,
        ),
        dispatcher,
        store,
        clock,
        pace,
        version=__version__,
        chores=list_chores(settings, store, outside, clock, planner, on_news=dispatcher.wake, pulse=pulse),
        watch=watch,
    )
