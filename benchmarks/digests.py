"""Many signups for one channel at once: what a digest costs beside a message for each."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.channels import Channels
from benchmarks.deliveries import assemble
from benchmarks.outside import Outside
from notifier.receivers.session import open_session
from notifier.receivers.slack.bot import SlackBotReceiver

STORM_CARDS: Final = 10
LIMIT_PER_SECOND: Final = 10.0
"""What the channel takes where it has a limit: ten times Slack's, so that nobody waits a minute."""


@dataclass(frozen=True, slots=True)
class Flood:
    """So many signups at once: how many requests Slack got for them, how many it refused, what they cost."""

    way: str
    cases: int
    requests: int
    refused: int
    seconds: float
    cpu_seconds: float


async def measure_digests(folder: Path, cases: int) -> tuple[Flood, ...]:
    """Send so many new signups to one channel, as digests, under a limit, and singly."""
    return (
        await _flood(folder / "digests.db", "digests", cases, STORM_CARDS, None),
        await _flood(folder / "limited.db", "digests, ten a second", cases, STORM_CARDS, LIMIT_PER_SECOND),
        await _flood(folder / "cards.db", "single cards", cases, 0, None),
    )


async def _flood(path: Path, way: str, cases: int, storm_cards: int, limit: float | None) -> Flood:
    pace_seconds = 1 / limit if limit else 0.0
    with Outside(partial(Channels, limit)) as slack:
        (channel,) = slack.do(Channels.add_channels, 1)
        base_url, token = slack.do(Channels.base_url), slack.do(Channels.token)
        async with open_session() as session:
            receiver = SlackBotReceiver(
                "channel_0", token, channel, base_url, session, pace_seconds=pace_seconds
            )
            async with assemble(path, {"channel_0": receiver}, storm_cards=storm_cards) as sender:
                await sender.put_changes(cases)
                cpu_seconds, seconds = time.process_time(), time.perf_counter()
                await sender.dispatcher.drain(0.5)
                cpu_seconds, seconds = time.process_time() - cpu_seconds, time.perf_counter() - seconds
        refused = slack.do(Channels.count_refused)
        return Flood(way, cases, len(slack.do(Channels.take_bodies)) + refused, refused, seconds, cpu_seconds)
