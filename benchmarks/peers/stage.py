"""Dintero and Slack for all programs, in a process of their own; one clock (monotonic) times everything."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic, sleep
from typing import Final, Self

from benchmarks.canned import CannedDintero
from benchmarks.channels import Channels
from benchmarks.outside import Outside
from benchmarks.peers.inbox import Inbox
from benchmarks.peers.tally import Arrival, find_case
from benchmarks.population import list_account_ids, make_path

GLANCE_SECONDS: Final = 0.005
_LONG_GLANCE_SECONDS: Final = 0.05


class Stage:
    """A canned Dintero, an inbox for webhooks, and the sandbox's Slack for bots."""

    def __init__(self) -> None:
        self.dintero = CannedDintero()
        self.inbox = Inbox()
        self.channels = Channels()
        self._posts: list[Arrival] = []

    def fill(self, accounts: int) -> str:
        """Hold so many quiet accounts; return Dintero's address."""
        self.dintero.fill(accounts, has_etags=True)
        self.inbox.forget()
        self.channels.take_arrivals()
        self._posts = []
        return self.dintero.base_url()

    def list_urls(self, accounts: int) -> list[str]:
        """Return the address of each account's connection."""
        root = self.dintero.base_url().removesuffix("/v1")
        return [f"{root}{make_path(account_id)}" for account_id in list_account_ids(accounts)]

    def ask(self, account_ids: list[str]) -> None:
        """Let a signature be required for some accounts."""
        for account_id in account_ids:
            self.dintero.ask_for_signature(account_id)

    def read_sent_at(self, account_ids: list[str]) -> dict[str, float]:
        """Return when (monotonic) the last byte of each account's present answer was first written."""
        times = {account_id: self.dintero.read_first_sent_at(account_id) for account_id in account_ids}
        return {account_id: at for account_id, at in times.items() if at is not None}

    def count_requests(self) -> int:
        """Return how many reads came to Dintero."""
        return self.dintero.count_requests()

    def open_inbox(self) -> str:
        """Return the inbox's address."""
        return self.inbox.base_url()

    def be_busy(self, seconds: float) -> float:
        """Let the inbox refuse everything for so long; return when (monotonic) that is over."""
        return self.inbox.be_busy(seconds)

    def count_refused(self) -> int:
        """Return how many posts the inbox refused."""
        return self.inbox.count_refused()

    def open_slack(self, channels: int) -> tuple[str, str, tuple[str, ...]]:
        """Add channels; return Slack's address, the bot's token and the channels' ids."""
        return self.channels.base_url(), self.channels.token(), self.channels.add_channels(channels)

    def list_arrivals(self) -> list[Arrival]:
        """Return every message that was taken, in order, by webhook or by bot."""
        self._take_posts()
        return sorted([*self.inbox.list_taken(), *self._posts], key=lambda arrival: arrival.at)

    def count_arrivals(self) -> int:
        """Return how many messages were taken."""
        self._take_posts()
        return self.inbox.count_taken() + len(self._posts)

    def count_cases(self) -> int:
        """Return how many cases were told of, once or more often."""
        return len({arrival.case for arrival in self.list_arrivals()})

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve all three on loopback until the block ends."""
        async with AsyncExitStack() as stack:
            for one in (self.dintero, self.inbox, self.channels):
                await stack.enter_async_context(one.serve())
            yield self

    def _take_posts(self) -> None:
        posts = self.channels.slack.posts
        self._posts += [
            Arrival(find_case(str(post.body)), post.arrived_at)
            for post in posts
            if post.route == "chat.postMessage" and post.error is None
        ]
        posts.clear()


def wait_for_arrivals(stage: Outside, count: int, seconds: float) -> bool:
    """Wait until so many messages were taken; return whether they were within `seconds`."""
    until = monotonic() + seconds
    while (found := stage.do(Stage.count_arrivals)) < count and monotonic() < until:
        sleep(GLANCE_SECONDS)
    return bool(found >= count)


def wait_for_cases(stage: Outside, count: int, seconds: float) -> bool:
    """Wait until so many cases were told of; return whether they were within `seconds`."""
    until = monotonic() + seconds
    while (found := stage.do(Stage.count_cases)) < count and monotonic() < until:
        sleep(_LONG_GLANCE_SECONDS)
    return bool(found >= count)


def wait_for_requests(stage: Outside, count: int, seconds: float) -> float:
    """Wait until so many reads came, and return when (monotonic). Raises TimeoutError after `seconds`."""
    until = monotonic() + seconds
    while stage.do(Stage.count_requests) < count:
        if monotonic() > until:
            raise TimeoutError(f"{count} reads were awaited")
        sleep(GLANCE_SECONDS)
    return monotonic()
