"""From the settings to what watches over the notifier itself: incidents, fallbacks, heartbeat, summary."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from notifier.domain.delivery import Finding, Level
from notifier.domain.intervals import WEEKDAYS
from notifier.domain.plan import Directory
from notifier.domain.summary import Appointment
from notifier.domain.watch import Target
from notifier.network import Network
from notifier.receivers.heartbeat import HeartbeatAddress
from notifier.receivers.session import open_session
from notifier.service.blindness import Blindness
from notifier.service.fallbacks import Fallbacks
from notifier.service.heartbeat import Heartbeat, Pulse
from notifier.service.ports import Chore, Clock, Store
from notifier.service.summaries import Summaries
from notifier.settings import Settings

HEARTBEAT_SECONDS: Final = 10.0
"""The longest that one sign of life may take."""


def make_chores(
    settings: Settings,
    store: Store,
    clock: Clock,
    targets: tuple[Target, ...],
    directory: Directory,
    *,
    on_news: Callable[[], None],
    pulse: Pulse | None = None,
) -> Iterator[Chore]:
    """Give what is to be done now and then for the notifier's own sake."""
    blind_after = timedelta(minutes=settings.alarms.blind_after_minutes)
    yield Blindness(store, clock, targets, directory, blind_after, on_news)
    fallbacks = list_fallbacks(settings)
    if fallbacks:
        after = timedelta(minutes=settings.delivery.fallback_after_minutes)
        yield Fallbacks(store, clock, directory, fallbacks, after, on_news)
    if settings.summary.receiver is not None:
        receiver = directory.aliases[settings.summary.receiver]
        yield Summaries(store, clock, directory, receiver, make_appointment(settings), on_news)
    if pulse is not None:
        yield Heartbeat(store, pulse, settings.alarms.heartbeat_interval_seconds)


def list_fallbacks(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return the fallbacks of each receiver that has any."""
    return {name: one.fallback for name, one in settings.receivers.items() if one.fallback}


def make_appointment(settings: Settings) -> Appointment:
    """Return when the summary is written."""
    wanted = settings.summary
    hours, minutes = wanted.time.split(":")
    return Appointment(
        WEEKDAYS.index(wanted.weekday), int(hours) * 60 + int(minutes), ZoneInfo(wanted.time_zone)
    )


@asynccontextmanager
async def open_pulse(settings: Settings, network: Network) -> AsyncIterator[Pulse | None]:
    """Give the way to whoever listens for the heartbeat, None where nobody does."""
    if settings.alarms.heartbeat_url is None:
        yield None
        return
    url = settings.alarms.heartbeat_url.get_secret_value()
    async with open_session(
        total_seconds=HEARTBEAT_SECONDS, ssl_context=network.find_context(url), proxy=network.find_proxy(url)
    ) as session:
        yield HeartbeatAddress(url, session)


def check_alarms(settings: Settings, directory: Directory) -> Iterator[Finding]:
    """Say whether anybody would hear of it if nobody could be told any more."""
    if len(set(directory.destinations.values())) <= 1 and settings.alarms.heartbeat_url is None:
        sentence = (
            "a lone receiver cannot report its own death: add a second one in another place, "
            "or set NOTIFIER_ALARMS__HEARTBEAT_URL"
        )
        yield Finding(Level.WARNING, "alarms", sentence)
