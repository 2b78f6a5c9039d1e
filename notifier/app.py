"""The composition root: settings in, a running service out."""

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from notifier import __version__
from notifier.alarms import check_alarms, make_chores, open_pulse
from notifier.assembly import make_receiver, make_texts
from notifier.dintero.client import MEBIBYTE, Transport
from notifier.dintero.credentials import Credentials
from notifier.dintero.retry import Retry
from notifier.dintero.retry import RetryPolicy as ReadPolicy
from notifier.dintero.source import DinteroSource
from notifier.domain.compose import House
from notifier.domain.delivery import Finding, Level
from notifier.domain.first_run import FirstRun
from notifier.domain.keeping import LINKS, describe_unreadable
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.storm import StormGuard
from notifier.domain.watch import Coverage, Target, plan_targets
from notifier.errors import NotifierError
from notifier.network import Network, open_network
from notifier.receivers.session import open_session
from notifier.routing import list_intervals, list_routes, list_schedules
from notifier.service.clock import SYSTEM_CLOCK
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.emergency import Emergency
from notifier.service.engine import Engine, Pace, Report
from notifier.service.head_start import HeadStart
from notifier.service.heartbeat import Pulse
from notifier.service.link_keeper import LinkKeeper
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Clock, Receiver, Source
from notifier.service.pruner import Pruner
from notifier.service.quiet_keeper import QuietKeeper
from notifier.service.recorder import Recorder
from notifier.service.reminders import ReminderKeeper
from notifier.service.stale import StaleKeeper
from notifier.service.store_watch import StoreWatch
from notifier.service.storms import Storms
from notifier.service.supervisor import Supervisor
from notifier.settings import Addressee, Settings, find_address, resolve_receivers, resolve_sources
from notifier.settings.model import PollSettings, SourceSettings

if TYPE_CHECKING:
    from notifier.store.database import Database
    from notifier.store.links import LinkCount

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the settings name outside this process, connected but not yet used."""

    sources: Mapping[str, Source]
    targets: tuple[Target, ...]
    receivers: Mapping[str, Receiver]
    directory: Directory


async def run(settings: Settings, stopping: asyncio.Event | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
    """Run the service until SIGTERM, SIGINT or `stopping`. Raises NotifierError."""
    stop = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        async with (
            connect(settings) as outside,
            _begin_reading(settings, outside, clock) as head_start,
            _watch_store(settings, outside, clock) as watch,
            open_pulse(settings, _open_network(settings)) as pulse,
        ):
            supervisor = Supervisor(
                lambda creates: _open_store(settings, creates=creates),
                lambda store: _make_engine(settings, store, outside, clock, store, head_start, pulse=pulse),
                watch,
            )
            await supervisor.run(stop, settings.delivery.grace_seconds)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def run_once(settings: Settings) -> Report:
    """Poll everything once and send what is due. Raises NotifierError."""
    database = _open_store(settings, creates=True)
    try:
        async with connect(settings) as outside:
            return await _make_engine(settings, database, outside, SYSTEM_CLOCK).run_once()
    finally:
        database.close()


async def check(settings: Settings, *, is_offline: bool, sends: bool) -> AsyncIterator[Finding]:
    """Say, finding by finding, whether the settings work."""
    yield Finding(Level.OK, "settings", "are complete and fit together")
    for path in settings.exposed_files:
        sentence = f"{path} holds secrets, and every user of this machine can read it: chmod 600 it"
        yield Finding(Level.WARNING, "settings", sentence)
    for finding in check_store(settings):
        yield finding
    _open_network(settings)
    if is_offline:
        return
    async with connect(settings) as outside:
        for name, source in outside.sources.items():
            targets = tuple(target for target in outside.targets if target.source == name)
            async for finding in source.check(targets):
                yield finding
        for finding in check_alarms(settings, outside.directory):
            yield finding
        for receiver in outside.receivers.values():
            async for finding in receiver.check(sends=sends):
                yield finding


def check_store(settings: Settings) -> Iterator[Finding]:
    """Say whether the store can be used, and who can read it; one that is not there yet is not made."""
    from notifier.store.database import Database  # noqa: PLC0415 - see _open_store
    from notifier.store.upkeep import find_exposed  # noqa: PLC0415

    database = Database(settings.store.url, settings.store.keys)
    try:
        yield Finding(Level.OK, "store", database.examine())
        if not database.path.exists():
            return
        path = find_exposed(database.path.resolve())
        if path is not None:
            sentence = f"{path} can be read by other users of this machine: chmod 600 it"
            yield Finding(Level.WARNING, "store", sentence)
        yield _judge_links(database.count_links(), settings)
    except NotifierError as error:
        yield Finding(Level.PROBLEM, "store", str(error))
    finally:
        database.close()


def _judge_links(count: "LinkCount", settings: Settings) -> Finding:
    has_key = bool(settings.store.keys)
    if count.unreadable:
        return Finding(Level.WARNING, LINKS, describe_unreadable(count.unreadable, has_key=has_key))
    if not has_key:
        sentence = "whoever reads the store can open them; with NOTIFIER_STORE__KEY they are encrypted"
    elif count.plain:
        sentence = f"the next run encrypts the {count.plain} that are not yet encrypted"
    else:
        sentence = "they are encrypted in the store"
    return Finding(Level.OK, LINKS, sentence)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Outside]:
    """Make the sources and receivers that the settings name, and close them afterwards."""
    addressees = resolve_receivers(settings)
    async with AsyncExitStack() as stack:
        network = _open_network(settings)
        sources: dict[str, Source] = {}
        for name, one in resolve_sources(settings).items():
            source = _make_source(name, one, settings.poll, network)
            sources[name] = await stack.enter_async_context(source)
        # Slack's receivers have the session's patience, the others each their own.
        seconds = settings.slack.timeout_seconds
        places = [find_address(one) for one in addressees.by_name.values()]
        context = network.find_context(*places)
        # One session for those behind the proxy, and one for those that are reached without it.
        sessions = {
            proxy: await stack.enter_async_context(
                open_session(total_seconds=seconds, ssl_context=context, proxy=proxy)
            )
            for proxy in {network.find_proxy(place) for place in places}
        }
        receivers = {
            name: make_receiver(one, sessions[network.find_proxy(find_address(one))], settings)
            for name, one in addressees.by_name.items()
        }
        yield Outside(
            sources=sources,
            targets=list_targets(settings),
            receivers=receivers,
            directory=Directory(
                {name: receiver.destination for name, receiver in receivers.items()},
                addressees.aliases,
                {receiver.destination: receiver.traits for receiver in receivers.values()},
            ),
        )


def list_targets(settings: Settings) -> tuple[Target, ...]:
    """Return the requests that cover everything the settings ask to watch."""
    return plan_targets(
        Coverage(name, one.account_id, one.watched_accounts, one.connections, one.discover)
        for name, one in resolve_sources(settings).items()
    )


def _open_store(settings: Settings, *, creates: bool) -> "Database":
    from notifier.store.database import Database  # noqa: PLC0415 - long to import, and polls wait

    database = Database(settings.store.url, settings.store.keys)
    try:
        database.lock()
        database.open(creates=creates)
    except BaseException:
        database.close()
        raise
    return database


@asynccontextmanager
async def _begin_reading(settings: Settings, outside: Outside, clock: Clock) -> AsyncIterator[HeadStart]:
    """Send the first polls, as many as may be on their way at once, while the store is still being opened."""
    head_start = HeadStart(outside.sources, clock)
    head_start.begin(outside.targets[: settings.poll.concurrency])
    try:
        yield head_start
    finally:
        await head_start.close()


@asynccontextmanager
async def _watch_store(settings: Settings, outside: Outside, clock: Clock) -> AsyncIterator[StoreWatch]:
    chosen = [outside.receivers[one.name] for one in _list_emergency_receivers(settings)]
    where = f"{settings.store.path.absolute()} on {socket.gethostname()}"
    emergency = Emergency(chosen, where, clock)
    watch = StoreWatch(clock, emergency, settings.store.emergency_after_seconds)
    tasks = [asyncio.ensure_future(emergency.run()), asyncio.ensure_future(watch.observe())]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _list_emergency_receivers(settings: Settings) -> list[Addressee]:
    return [one for one in resolve_receivers(settings).by_name.values() if one.is_emergency]


def _make_engine(
    settings: Settings,
    store: "Database | StoreWatch",
    outside: Outside,
    clock: Clock,
    watch: StoreWatch | None = None,
    head_start: HeadStart | None = None,
    *,
    pulse: Pulse | None = None,
) -> Engine:
    delivery, polling = settings.delivery, settings.poll
    policy = RetryPolicy(
        first_seconds=delivery.first_retry_seconds,
        max_seconds=delivery.max_retry_seconds,
        give_up_after=timedelta(hours=delivery.give_up_after_hours),
        request_seconds=max(receiver.timeout_seconds for receiver in outside.receivers.values()),
        look_seconds=delivery.look_seconds,
    )
    house = House(tuple(settings.links.allowed_hosts), settings.links.backoffice_url)
    courier = Courier(
        outside.receivers, clock, house, policy, random.random, reword=make_texts(settings, clock)
    )
    storms = Storms(StormGuard(delivery.storm_cards, timedelta(seconds=delivery.storm_seconds)))
    dispatcher = Dispatcher(outside.receivers, store, clock, courier, policy, storms)
    planner = Planner(list_routes(settings), outside.directory, list_intervals(settings))
    recorder = Recorder(store, clock, planner, FirstRun(polling.first_run))
    take_early = (head_start or HeadStart({}, clock)).take
    poller = Poller(outside.sources, store, recorder, clock, dispatcher.wake, take_early)
    grace = timedelta(hours=settings.store.link_grace_hours)
    days = settings.store.retention_days
    schedules = list_schedules(settings)
    pruners = (Pruner(store, clock, timedelta(days=days)),) if days else ()
    return Engine(
        outside.targets,
        poller,
        dispatcher,
        store,
        clock,
        Pace(polling.interval_seconds, polling.quiet_interval_seconds, polling.concurrency),
        version=__version__,
        chores=(
            LinkKeeper(store, clock, grace, has_key=bool(settings.store.keys)),
            ReminderKeeper(store, clock, planner, schedules, dispatcher.wake, lambda: outside.targets),
            StaleKeeper(store, clock, planner, schedules, dispatcher.wake, lambda: outside.targets),
            QuietKeeper(store, clock, planner, outside.directory, dispatcher.wake),
            *make_chores(
                settings,
                store,
                clock,
                outside.targets,
                outside.directory,
                on_news=dispatcher.wake,
                pulse=pulse,
            ),
            *pruners,
        ),
        watch=watch,
    )


def _open_network(settings: Settings) -> Network:
    wanted = settings.network
    proxy = wanted.proxy.get_secret_value() if wanted.proxy else None
    return open_network(wanted.ca_file, proxy, wanted.no_proxy)


def _make_source(name: str, one: SourceSettings, polling: PollSettings, network: Network) -> DinteroSource:
    return DinteroSource(
        name,
        Credentials(one.account_id, one.client_id, one.client_secret.get_secret_value()),
        base_url=one.base_url,
        transport=Transport(
            connect_seconds=polling.connect_timeout_seconds,
            read_seconds=polling.read_timeout_seconds,
            total_seconds=polling.total_timeout_seconds,
            concurrency=polling.concurrency,
            body_bytes=int(polling.max_body_mib * MEBIBYTE),
            bodies_bytes=int(polling.max_bodies_mib * MEBIBYTE),
            ssl=network.find_context(one.base_url),
            proxy=network.find_proxy(one.base_url),
        ),
        retry=Retry(ReadPolicy(attempts=polling.attempts, total_seconds=polling.retry_total_seconds)),
    )
