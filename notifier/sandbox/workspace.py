"""What a Slack workspace holds: channels, bots, webhooks, messages and their threads.

Plain Python without input or output; `notifier.sandbox.slack` serves it. The JSON shapes
follow Slack's Web API reference (message, conversation; read 2026-08).
"""

import asyncio
from collections.abc import Iterable
from time import monotonic

from notifier.sandbox.conversation import Bot, Channel, Json, Message, Webhook
from notifier.sandbox.loopback import Clock, Monotonic, utc_now

TEAM_ID = "T0SANDBOX"
ALL_SCOPES = (
    "chat:write",
    "chat:write.public",
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
    "usergroups:read",
)
MICROSECONDS = 1_000_000


class Workspace:
    """The state of a workspace; every change moves `version` and wakes those who wait."""

    def __init__(self, clock: Clock = utc_now, monotonic_seconds: Monotonic = monotonic) -> None:
        """Start without channels, bots and webhooks."""
        self.name = "Sandbox"
        self.version = 0
        self.channels: dict[str, Channel] = {}
        self.bots: dict[str, Bot] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.refused_tokens: dict[str, str] = {}
        self.usergroups: dict[str, str] = {}
        self._clock = clock
        self._monotonic_seconds = monotonic_seconds
        self._last_microsecond = 0
        self._changed = asyncio.Event()

    # Who and where

    def add_channel(
        self,
        name: str,
        *,
        channel_id: str | None = None,
        is_private: bool = False,
        is_archived: bool = False,
        is_ext_shared: bool = False,
        topic: str = "",
        members: Iterable[Bot] | None = None,
    ) -> Channel:
        """Add a channel; by default every bot is a member, those that come later included."""
        number = len(self.channels) + 1
        channel = Channel(
            channel_id or f"C{number:09d}", name, is_private, is_archived, is_ext_shared, topic=topic
        )
        joining = self.bots.values() if members is None else members
        channel.members = {bot.bot_id for bot in joining} | ({"*"} if members is None else set())
        self.channels[channel.id] = channel
        self._change()
        return channel

    def add_bot(
        self,
        name: str = "Dintero Notifier",
        *,
        token: str | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        icon: str = "",
    ) -> Bot:
        """Install an app and return its bot; the token is made up unless given."""
        number = len(self.bots) + 1
        bot = Bot(
            name,
            token or f"xoxb-sandbox-{number}",
            f"B{number:09d}",
            f"A{number:09d}",
            f"U{number:09d}",
            tuple(scopes),
            icon,
        )
        self.bots[bot.bot_id] = bot
        for channel in self.channels.values():
            if "*" in channel.members:
                channel.members.add(bot.bot_id)
        self._change()
        return bot

    def add_webhook(self, channel: str, name: str = "incoming-webhook") -> Webhook:
        """Add an incoming webhook for a channel; it posts as a bot of its own."""
        found = self.channel(channel)
        bot = self.add_bot(name, token=f"webhook-{len(self.bots) + 1}", scopes=("incoming-webhook",))
        secret = f"sandboxsecret{len(self.webhooks) + 1:011d}"
        webhook = Webhook(f"/services/{TEAM_ID}/{bot.bot_id}/{secret}", found.id, bot.bot_id)
        self.webhooks[webhook.path] = webhook
        return webhook

    def remove_webhook(self, webhook: Webhook) -> None:
        """Remove a webhook: posting to it answers `no_service` from now on."""
        del self.webhooks[webhook.path]

    def refuse_token(self, token: str, error: str = "token_revoked") -> None:
        """Answer calls with this token with an error (`invalid_auth`, `account_inactive`, …)."""
        self.refused_tokens[token] = error

    def accept_token(self, token: str) -> None:
        """Take back `refuse_token`."""
        self.refused_tokens.pop(token, None)

    def remove_channel(self, channel: str) -> None:
        """Delete a channel with its messages."""
        del self.channels[self.channel(channel).id]
        self._change()

    def find_channel(self, name_or_id: str) -> Channel | None:
        """Return the channel of an id, a name or `#name`; None if there is none."""
        by_id = self.channels.get(name_or_id)
        if by_id is not None:
            return by_id
        name = name_or_id.removeprefix("#")
        return next((channel for channel in self.channels.values() if channel.name == name), None)

    def channel(self, name_or_id: str) -> Channel:
        """Return the channel of an id, a name or `#name`; KeyError if there is none."""
        found = self.find_channel(name_or_id)
        if found is None:
            raise KeyError(name_or_id)
        return found

    def bot_of_token(self, token: str) -> Bot | None:
        """Return whose token this is, or None."""
        return next((bot for bot in self.bots.values() if bot.token == token), None)

    # Messages

    def messages(self, channel: str) -> list[Message]:
        """Return a channel's messages, replies included, oldest first."""
        return list(self.channel(channel).messages.values())

    def post(
        self,
        channel: Channel,
        bot: Bot,
        *,
        text: str,
        blocks: list[Json] | None = None,
        thread_ts: str | None = None,
        is_broadcast: bool = False,
        metadata: Json | None = None,
        is_webhook: bool = False,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
    ) -> Message:
        """Add a message and return it."""
        message = Message(
            ts=self._next_ts(),
            channel_id=channel.id,
            text=text,
            blocks=blocks or [],
            bot_id=bot.bot_id,
            posted_at=self._monotonic_seconds(),
            thread_ts=thread_ts,
            is_broadcast=is_broadcast and thread_ts is not None,
            metadata=metadata,
            is_webhook=is_webhook,
            unfurl_links=unfurl_links,
            unfurl_media=unfurl_media,
        )
        channel.messages[message.ts] = message
        if thread_ts is not None:
            channel.threads.setdefault(thread_ts, []).append(message)
        self._change()
        return message

    def edit(self, message: Message, *, text: str, blocks: list[Json] | None, metadata: Json | None) -> None:
        """Replace text and blocks (None removes them); metadata stays unless given."""
        message.text = text
        message.blocks = blocks or []
        if metadata is not None:
            message.metadata = metadata or None
        message.edited_ts = self._next_ts()
        message.edits += 1
        self._change()

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message, as a person in the workspace can."""
        found = self.channel(channel)
        message = found.messages.pop(ts)
        if message.thread_ts is not None:
            found.threads[message.thread_ts].remove(message)
        self._change()

    async def wait_for_change(self, seen_version: int) -> int:
        """Wait until the workspace is no longer at this version; return the present one."""
        while self.version == seen_version:
            await self._changed.wait()
        return self.version

    def _change(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _next_ts(self) -> str:
        now = int(self._clock().timestamp() * MICROSECONDS)
        self._last_microsecond = max(now, self._last_microsecond + 1)
        seconds, microseconds = divmod(self._last_microsecond, MICROSECONDS)
        return f"{seconds}.{microseconds:06d}"
