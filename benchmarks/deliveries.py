"""Changes to Slack: the real dispatcher with its outbox and store, beside a bare slack_sdk loop."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.alternating import Comparison, Lap, Turn, alternate, run_lap
from benchmarks.channels import Channels
from benchmarks.outside import Outside
from benchmarks.parts import SOURCE, make_directory, make_dispatcher
from benchmarks.population import NAME, make_asking_connection
from notifier.dintero.wire.connections import decode_connection
from notifier.dintero.wire.place import Place
from notifier.domain.first_run import FirstRun
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.routes import Route
from notifier.receivers.session import open_session
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.service.clock import SystemClock
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.recorder import Recorder
from notifier.store.database import Database

_PLACE: Final = Place("a connection", "/", "NOTIFIER_DINTERO__")
_FIRST: Final = 10_000_000
_ACCOUNTS: Final = 10_000
"""So many accounts have one channel: those whose ids have the same first four digits."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent: rounds of so many messages for each side, over so many channels."""

    rounds: int
    messages: int
    channels: int


@dataclass(frozen=True, slots=True)
class Sender:
    """The product's parts that send, put together as `notifier.app` does."""

    recorder: Recorder
    dispatcher: Dispatcher
    channels: int
    _asking: bytes
    _enabled: bytes
    _numbers: "count[int]"

    async def put_changes(self, messages: int) -> list[int]:
        """Put so many changes into the outbox, of as many accounts, spread over all channels."""
        numbers = [next(self._numbers) for _ in range(messages)]
        await self.recorder.record([self._make_snapshot(one, self._asking) for one in numbers], SOURCE)
        return numbers

    async def put_outcomes(self, numbers: Iterable[int]) -> None:
        """Put the outcome of each of some accounts into the outbox: an update of its card, and a reply."""
        await self.recorder.record([self._make_snapshot(one, self._enabled) for one in numbers], SOURCE)

    def _make_snapshot(self, number: int, body: bytes) -> AccountSnapshot:
        place = number % self.channels * _ACCOUNTS + number // self.channels
        return decode_connection(body, ConnectionKey(f"P{_FIRST + place}", NAME), _PLACE)


async def measure_deliveries(folder: Path, load: Load) -> tuple[Comparison, ...]:
    """Compare CPU for each message, and messages a second: cards, and then updates with replies."""
    with Outside(Channels) as slack:
        channels = slack.do(Channels.add_channels, load.channels)
        base_url, token = slack.do(Channels.base_url), slack.do(Channels.token)
        # The bare loop has a session of its own, without the product's notes, and as many connections.
        async with open_session() as session, _open_bare() as bare:
            receivers = {
                f"channel_{number}": SlackBotReceiver(
                    f"channel_{number}", token, channel, base_url, session, pace_seconds=0.0
                )
                for number, channel in enumerate(channels)
            }
            client = AsyncWebClient(token=token, base_url=base_url, session=bare, retry_handlers=[])
            async with assemble(folder / "deliveries.db", receivers) as sender:
                cards = await alternate(
                    f"cards, {load.channels} channels",
                    _dispatch(sender, load, slack),
                    _post_again(client, slack),
                    rounds=load.rounds,
                )
                changes = await alternate(
                    f"updates and replies, {load.channels} channels",
                    _change(sender, load, slack),
                    _post_again(client, slack),
                    rounds=load.rounds,
                )
                return cards, changes


@asynccontextmanager
async def assemble(
    path: Path, receivers: Mapping[str, SlackBotReceiver], *, storm_cards: int = 0
) -> AsyncIterator[Sender]:
    """Put the product's sending parts together: one route for each receiver."""
    with Database(f"sqlite:///{path}") as database:
        database.open()
        routes = tuple(
            Route((name,), events=("signature_required",), accounts=(f"P{1_000 + number}*",))
            for number, name in enumerate(receivers)
        )
        recorder = Recorder(
            database, SystemClock(), Planner(routes, make_directory(receivers, {})), FirstRun.ALL
        )
        await recorder.start(())
        dispatcher = make_dispatcher(receivers, database, storm_cards=storm_cards)
        await dispatcher.start()
        asking, enabled = (
            msgspec.json.encode(make_asking_connection(status)) for status in ("pending", "enabled")
        )
        yield Sender(recorder, dispatcher, len(receivers), asking, enabled, count())


def _dispatch(sender: Sender, load: Load, slack: Outside) -> Turn:
    async def work() -> int:
        before = sender.dispatcher.deliveries.delivered
        await sender.dispatcher.drain(0.0)
        return sender.dispatcher.deliveries.delivered - before

    async def turn() -> Lap:
        await sender.put_changes(load.messages)
        slack.do(Channels.take_bodies)
        lap = await run_lap(work, slack)
        if lap.units != load.messages:
            raise RuntimeError(f"{lap.units} messages were delivered of {load.messages}")
        return lap

    return turn


def _change(sender: Sender, load: Load, slack: Outside) -> Turn:
    """Make a turn that brings cards up to date, and says so in their threads: two messages each."""

    async def work() -> int:
        before = sender.dispatcher.deliveries.delivered
        await sender.dispatcher.drain(0.0)
        return sender.dispatcher.deliveries.delivered - before

    async def turn() -> Lap:
        numbers = await sender.put_changes(load.messages // 2)
        await sender.dispatcher.drain(0.0)
        await sender.put_outcomes(numbers)
        slack.do(Channels.take_bodies)
        lap = await run_lap(work, slack)
        if lap.units != load.messages:
            raise RuntimeError(f"{lap.units} messages were delivered of {load.messages}")
        return lap

    return turn


def _open_bare() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20))


def _post_again(client: AsyncWebClient, slack: Outside) -> Turn:
    """Make a turn that posts what the product posted last: the same texts, blocks and channels."""

    async def turn() -> Lap:
        posts: dict[object, list[dict[str, Any]]] = defaultdict(list)
        for body in slack.do(Channels.take_bodies):
            posts[body["channel"]].append(body)

        async def work() -> int:
            await asyncio.gather(*(_post_all(client, bodies) for bodies in posts.values()))
            return sum(len(bodies) for bodies in posts.values())

        return await run_lap(work, slack)

    return turn


async def _post_all(client: AsyncWebClient, bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        await client.api_call("chat.update" if "ts" in body else "chat.postMessage", json=body)
