"""A Slack with many channels, in the servers' process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from notifier.sandbox import Post, SandboxSlack


class Channels:
    """The sandbox's Slack; a channel for each receiver, all of one bot.

    `posts_per_second` is what each channel takes, one by one, before it answers 429; None for no limit.
    """

    def __init__(self, posts_per_second: float | None = None) -> None:
        self.slack = SandboxSlack(posts_per_second=posts_per_second, burst=1)
        self.bot = self.slack.add_bot()

    def base_url(self) -> str:
        """Return what stands for Slack's address."""
        return self.slack.base_url

    def token(self) -> str:
        """Return the bot's token."""
        return self.bot.token

    def add_channels(self, count: int) -> tuple[str, ...]:
        """Add so many channels and return their ids."""
        return tuple(self.slack.add_channel(f"sales-{number}").id for number in range(count))

    def take_arrivals(self) -> list[float]:
        """Return when (monotonic) each message that was taken arrived, in order, and forget them."""
        return [post.arrived_at for post in self._take_posts()]

    def count_taken(self) -> int:
        """Return how many messages were taken so far; for whoever does not take them away."""
        return sum(post.error is None for post in self.slack.posts)

    def take_bodies(self) -> list[dict[str, object]]:
        """Return the arguments of each message that was taken, in order, and forget them."""
        return [dict(post.body) for post in self._take_posts()]

    def count_refused(self) -> int:
        """Return how many of the messages since the last look were refused: they came too fast."""
        return sum(post.error == "ratelimited" for post in self.slack.posts)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        async with self.slack.serve():
            yield self

    def _take_posts(self) -> list[Post]:
        taken = [post for post in self.slack.posts if post.error is None]
        self.slack.posts.clear()
        return taken
