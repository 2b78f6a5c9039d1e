"""The product's parts, put together as `notifier.app` does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from benchmarks.population import NAME, OWNER_ID, list_account_ids
from notifier.dintero import Credentials, DinteroSource, Transport
from notifier.domain.compose import House
from notifier.domain.model import ConnectionKey
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.storm import StormGuard
from notifier.domain.watch import ConnectionTarget
from notifier.service.clock import SystemClock
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.ports import Receiver
from notifier.service.storms import Storms
from notifier.store.database import Database

SOURCE: Final = "dintero"


def make_source(base_url: str, concurrency: int) -> DinteroSource:
    """Make a source that the canned Dintero lets in."""
    credentials = Credentials(OWNER_ID, "client", "secret")
    return DinteroSource(SOURCE, credentials, base_url=base_url, transport=Transport(concurrency=concurrency))


def list_targets(connections: int) -> tuple[ConnectionTarget, ...]:
    """Return a target for the one connection of each of so many accounts."""
    return tuple(
        ConnectionTarget(SOURCE, ConnectionKey(account_id, NAME))
        for account_id in list_account_ids(connections)
    )


def make_dispatcher(
    receivers: Mapping[str, Receiver], database: Database, *, storm_cards: int = 0
) -> Dispatcher:
    """Make a dispatcher without jitter, and without digests unless they are asked for."""
    clock, policy = SystemClock(), RetryPolicy()
    courier = Courier(receivers, clock, House(), policy, float)
    storms = Storms(StormGuard(storm_cards, calm=timedelta(0)))
    return Dispatcher(receivers, database, clock, courier, policy, storms)


def make_directory(receivers: Mapping[str, Receiver], aliases: Mapping[str, str]) -> Directory:
    """Make the directory of receivers, each under its own name and under `aliases`."""
    destinations = {name: receiver.destination for name, receiver in receivers.items()}
    traits = {receiver.destination: receiver.traits for receiver in receivers.values()}
    return Directory(destinations, {**{name: name for name in receivers}, **aliases}, traits)
