"""From the last byte of the poll that saw a change to Slack's receipt, with nothing else to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final, Self

from benchmarks.alternating import Spread, wait_until
from benchmarks.canned import CannedDintero
from benchmarks.channels import Channels
from benchmarks.outside import Outside
from benchmarks.parts import SOURCE, list_targets, make_directory, make_dispatcher, make_source
from benchmarks.population import list_account_ids
from notifier import __version__
from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.receivers.session import open_session
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.service.clock import SystemClock
from notifier.service.dispatcher import Dispatcher
from notifier.service.engine import Engine
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.store.database import Database

RECEIVER: Final = "sales"

_INTERVAL_SECONDS: Final = 0.05
_GRACE_SECONDS: Final = 5.0
_ACCOUNTS: Final = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the poll's last byte to Slack: median, least and greatest, and the 99th percentile."""

    seconds: Spread
    percentile_99_seconds: float
    changes: int


class Both:
    """Dintero and Slack in one process, so that one clock times both."""

    def __init__(self) -> None:
        self.dintero = CannedDintero()
        self.channels = Channels()

    def fill(self, count: int) -> tuple[str, str, str, str]:
        """Hold accounts and one channel; return both addresses, the bot's token and the channel."""
        self.dintero.fill(count, has_etags=True)
        channel = self.channels.add_channels(1)[0]
        return self.dintero.base_url(), self.channels.base_url(), self.channels.token(), channel

    def change(self, account_id: str) -> None:
        """Let a signature be required."""
        self.dintero.ask_for_signature(account_id)

    def read_seconds(self, account_id: str) -> float | None:
        """Return how long the last change took to come to Slack, None while it has not."""
        arrivals = self.channels.take_arrivals()
        sent_at = self.dintero.read_first_sent_at(account_id)
        return arrivals[0] - sent_at if arrivals and sent_at is not None else None

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve both on loopback until the block ends."""
        async with self.dintero.serve(), self.channels.serve():
            yield self


async def measure_latency(folder: Path, changes: int) -> Latency:
    """Cause changes one by one, while the real engine runs, and time each."""
    with Outside(Both) as both:
        base_url, slack_url, token, channel = both.do(Both.fill, _ACCOUNTS)
        async with open_session() as session:
            receiver = SlackBotReceiver(RECEIVER, token, channel, slack_url, session, pace_seconds=0.0)
            async with _run_engine(folder / "latency.db", base_url, receiver) as dispatcher:
                ids = list_account_ids(_ACCOUNTS)
                times = [
                    # A first change is a card; a later one brings that up to date, and is a reply as well.
                    await _time_change(
                        both, ids[number % _ACCOUNTS], dispatcher, messages=1 if number < _ACCOUNTS else 2
                    )
                    for number in range(changes)
                ]
    return Latency(Spread.of(times), quantiles(times, n=100, method="inclusive")[98], changes)


async def _time_change(both: Outside, account_id: str, dispatcher: Dispatcher, *, messages: int) -> float:
    delivered = dispatcher.deliveries.delivered + messages
    both.do(Both.change, account_id)
    await wait_until(lambda: dispatcher.deliveries.delivered >= delivered)
    seconds = both.do(Both.read_seconds, account_id)
    if seconds is None:
        raise LookupError(account_id)
    return seconds


@asynccontextmanager
async def _run_engine(path: Path, base_url: str, receiver: SlackBotReceiver) -> AsyncIterator[Dispatcher]:
    """Run the engine as `notifier.app` puts it together, on a short interval and without a pace."""
    clock, stopping = SystemClock(), asyncio.Event()
    source = make_source(base_url, _ACCOUNTS)
    with Database(f"sqlite:///{path}") as database:
        database.open()
        names = make_directory({RECEIVER: receiver}, {"oncall": RECEIVER})
        dispatcher = make_dispatcher({RECEIVER: receiver}, database)
        planner = Planner(DEFAULT_ROUTES, names)
        recorder = Recorder(database, clock, planner, FirstRun.NONE, dispatcher.early)
        async with source:
            poller = Poller({SOURCE: source}, database, recorder, clock, dispatcher.wake)
            engine = Engine(
                list_targets(_ACCOUNTS),
                poller,
                dispatcher,
                database,
                clock,
                Pace(_INTERVAL_SECONDS, _INTERVAL_SECONDS, _ACCOUNTS),
                version=__version__,
            )
            running = asyncio.ensure_future(engine.run(stopping, _GRACE_SECONDS))
            try:
                await wait_until(lambda: poller.tally.unchanged >= _ACCOUNTS)
                yield dispatcher
            finally:
                stopping.set()
                await running
