"""The composition root: settings in, a running service out."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from notifier import garbage
from notifier.alarms import open_pulse
from notifier.assembly import make_receiver
from notifier.dintero.client import MEBIBYTE, Transport
from notifier.dintero.credentials import Credentials
from notifier.dintero.pace import Budget, RequestBudget
from notifier.dintero.retry import Retry
from notifier.dintero.retry import RetryPolicy as ReadPolicy
from notifier.dintero.source import DinteroSource
from notifier.domain.plan import Directory
from notifier.domain.watch import Coverage, Target, plan_targets
from notifier.engines import Outside, make_engine
from notifier.network import Network, open_network
from notifier.receivers.session import open_session
from notifier.service.clock import SYSTEM_CLOCK
from notifier.service.emergency import Emergency
from notifier.service.engine import Report
from notifier.service.head_start import HeadStart
from notifier.service.heartbeat import Pulse
from notifier.service.ports import Clock, Receiver, Source
from notifier.service.store_watch import StoreWatch
from notifier.service.supervisor import Supervisor
from notifier.settings import (
    Addressee,
    PollSettings,
    Settings,
    SourceSettings,
    find_address,
    resolve_receivers,
    resolve_sources,
)

if TYPE_CHECKING:
    from notifier.crew import Crew
    from notifier.store.opening import AnyStore

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def run(settings: Settings, stopping: asyncio.Event | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
    """Run the service until SIGTERM, SIGINT or `stopping`. Raises NotifierError."""
    stop = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    crew = _find_crew(settings)
    try:
        async with (
            connect(settings, crew.make_budget if crew else _make_own_budget) as outside,
            _begin_reading(settings, outside, clock) as head_start,
            _watch_store(settings, outside, clock) as watch,
            open_pulse(settings, open_network_for(settings)) as pulse,
        ):
            supervisor = _make_supervisor(settings, outside, clock, watch, head_start, pulse=pulse, crew=crew)
            await supervisor.run(stop, settings.delivery.grace_seconds)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _find_crew(settings: Settings) -> "Crew | None":
    """Return what makes one of several workers; None with SQLite, where there is one engine."""
    if not settings.store.is_shared:
        return None
    from notifier.crew import Crew  # noqa: PLC0415 - not for a file

    return Crew(settings)


def _make_supervisor(
    settings: Settings,
    outside: Outside,
    clock: Clock,
    watch: StoreWatch,
    head_start: HeadStart,
    *,
    pulse: Pulse | None,
    crew: "Crew | None",
) -> Supervisor:
    if crew is not None:
        return Supervisor(
            lambda creates: crew.open_store(creates=creates),
            lambda store: crew.make_worker(store, outside, clock, pulse),
            watch,
        )
    return Supervisor(
        lambda creates: _open_store(settings, creates=creates),
        lambda store: make_engine(settings, store, outside, clock, store, head_start, pulse=pulse),
        watch,
    )


async def run_once(settings: Settings) -> Report:
    """Poll everything once and send what is due. Raises NotifierError."""
    crew = _find_crew(settings)
    async with crew.alone() if crew else nullcontext():
        database = _open_store(settings, creates=True)
        try:
            async with connect(settings) as outside:
                return await make_engine(settings, database, outside, SYSTEM_CLOCK).run_once()
        finally:
            database.close()


@asynccontextmanager
async def connect(
    settings: Settings, make_budget: Callable[[str, float | None], Budget | None] | None = None
) -> AsyncIterator[Outside]:
    """Make the sources and receivers that the settings name, and close them afterwards.

    `make_budget` gives each source (by its name, and its bound of requests a second) its own if left out.
    """
    budget = make_budget or _make_own_budget
    addressees = resolve_receivers(settings)
    async with AsyncExitStack() as stack:
        network = open_network_for(settings)
        sources: dict[str, Source] = {
            name: await stack.enter_async_context(
                _make_source(name, one, settings.poll, network, budget(name, one.max_requests_per_second))
            )
            for name, one in resolve_sources(settings).items()
        }
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
            directory=_make_directory(receivers, addressees.aliases),
        )


def _make_directory(receivers: Mapping[str, Receiver], aliases: Mapping[str, str]) -> Directory:
    return Directory(
        {name: receiver.destination for name, receiver in receivers.items()},
        aliases,
        {receiver.destination: receiver.traits for receiver in receivers.values()},
    )


def list_targets(settings: Settings) -> tuple[Target, ...]:
    """Return the requests that cover everything the settings ask to watch.

    The garbage collector rests meanwhile: with a hundred thousand targets, none of which can be garbage, it
    would take longer than making them.
    """
    with garbage.at_rest():
        return plan_targets(
            Coverage(name, one.account_id, one.watched_accounts, one.connections, one.discover)
            for name, one in resolve_sources(settings).items()
        )


def _open_store(settings: Settings, *, creates: bool) -> "AnyStore":
    from notifier.store.opening import make_store, open_for_engine  # noqa: PLC0415 - long to import, and polls wait

    store = make_store(settings.store.url.get_secret_value(), settings.store.keys)
    return open_for_engine(store, creates=creates)


@asynccontextmanager
async def _begin_reading(settings: Settings, outside: Outside, clock: Clock) -> AsyncIterator[HeadStart]:
    """Send the first polls, as many as may be on their way at once, while the store is still being opened."""
    head_start = HeadStart(outside.sources, clock)
    if not settings.store.is_shared:
        head_start.begin(outside.targets[: settings.poll.concurrency])
    try:
        yield head_start
    finally:
        await head_start.close()


@asynccontextmanager
async def _watch_store(settings: Settings, outside: Outside, clock: Clock) -> AsyncIterator[StoreWatch]:
    chosen = [outside.receivers[one.name] for one in _list_emergency_receivers(settings)]
    where = f"{settings.store.place} on {socket.gethostname()}"
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


def open_network_for(settings: Settings) -> Network:
    """Return the way out that the settings name. Raises ConfigError for a CA file that is none."""
    wanted = settings.network
    proxy = wanted.proxy.get_secret_value() if wanted.proxy else None
    return open_network(wanted.ca_file, proxy, wanted.no_proxy)


def _make_own_budget(_source: str, per_second: float | None) -> Budget | None:
    return RequestBudget(per_second) if per_second else None


def _make_source(
    name: str, one: SourceSettings, polling: PollSettings, network: Network, budget: Budget | None
) -> DinteroSource:
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
        budget=budget,
    )
