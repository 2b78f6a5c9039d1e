"""Many signups for one channel at once: what a digest costs beside a message for each."""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.channels import Channels
from benchmarks.deliveries import assemble
from benchmarks.outside import Outside
from notifier.receivers.session import open_session
from notifier.receivers.slack.bot import SlackBotReceiver

STORM_CARDS = 10


@dataclass(frozen=True, slots=True)
class Flood:
    """So many signups at once: how many requests Slack got for them, and what they cost."""

    way: str
    cases: int
    requests: int
    cpu_seconds: float


async def measure_digests(folder: Path, cases: int) -> tuple[Flood, ...]:
    """Send so many new signups to one channel, once as digests and once singly."""
    found = []
    for way, storm_cards in (("digests", STORM_CARDS), ("single cards", 0)):
        with Outside(Channels) as slack:
            (channel,) = slack.do(Channels.add_channels, 1)
            base_url, token = slack.do(Channels.base_url), slack.do(Channels.token)
            async with open_session() as session:
                receiver = SlackBotReceiver("channel_0", token, channel, base_url, session, pace_seconds=0.0)
                path = folder / f"flood-{storm_cards}.db"
                async with assemble(path, {"channel_0": receiver}, storm_cards=storm_cards) as sender:
                    await sender.put_changes(cases)
                    before = time.process_time()
                    await sender.dispatcher.drain(0.5)
                    cost = time.process_time() - before
            found.append(Flood(way, cases, len(slack.do(Channels.take_bodies)), cost))
    return tuple(found)
