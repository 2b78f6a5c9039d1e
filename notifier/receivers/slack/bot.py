"""The receiver of kind `slack`: a bot token and a channel, by `chat.postMessage`.

Source: docs.slack.dev, `chat.postMessage` and "Message metadata", read 2026-08.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import aiohttp

from notifier.domain.delivery import BY_ITSELF, Finding, Form, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message
from notifier.errors import DeliveryError, DeliveryRejected
from notifier.receivers.slack.answers import Address, read_permalink, read_post, read_posted
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.check import check_bot
from notifier.receivers.slack.client import WebApi, load_sdk
from notifier.receivers.slack.lookup import History
from notifier.receivers.slack.mention import find_groups, read_mention

_ABOUT_CHANNELS: Final = frozenset({"channel_not_found", "not_in_channel", "is_archived"})
_TRAITS: Final = Traits(has_threads=True)
_BOT_TOKEN: Final = re.compile(r"xox[a-z]-(?P<team>[0-9]+)-[0-9]+-.+")


class SlackBotReceiver:
    """Posts to one channel with a bot token.

    `channel` is an id or a name (`C024BE91L`, `#sales`), `mention` is as in `read_mention`, which raises
    ConfigError; `other_mentions` are those of escalations, which `check` looks at as well.
    `token_setting` and `channel_setting` are what its sentences tell people to mend.
    """

    def __init__(
        self,
        name: str,
        token: str,
        channel: str,
        base_url: str,
        session: aiohttp.ClientSession,
        *,
        mention: str = "",
        other_mentions: tuple[str, ...] = (),
        pace_seconds: float = 1.0,
        timeout_seconds: float = 15.0,
        when_unsure: WhenUnsure = WhenUnsure.RESEND,
        token_setting: str = "NOTIFIER_SLACK__BOT_TOKEN",  # noqa: S107 - a name
        channel_setting: str = "NOTIFIER_SLACK__CHANNEL",
    ) -> None:
        self._address = Address(
            name, channel, credential_setting=token_setting, channel_setting=channel_setting
        )
        self._api = WebApi(token=token, base_url=base_url, session=session, address=self._address)
        self._mention = read_mention(mention)
        self._groups = find_groups((mention, *other_mentions))
        self._pace_seconds = pace_seconds
        self._timeout_seconds = timeout_seconds
        self._when_unsure = when_unsure
        self._history = History(self._api, self._address)
        self._destination = _digest_destination(base_url, token, self._address)

    def __repr__(self) -> str:
        return f"SlackBotReceiver({self.name!r}, channel={self._address.channel!r})"

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._address.name

    @property
    def destination(self) -> str:
        """A digest of the channel, the same for every token that reaches it."""
        return self._destination

    @property
    def traits(self) -> Traits:
        """A channel has threads, and people who read it."""
        return _TRAITS

    @property
    def pace_seconds(self) -> float:
        """The shortest time between two messages: Slack takes about one a second and channel."""
        return self._pace_seconds

    @property
    def timeout_seconds(self) -> float:
        """The longest that one request takes."""
        return self._timeout_seconds

    @property
    def when_unsure(self) -> WhenUnsure:
        """What to do after an unclear answer while the channel's history cannot be read."""
        return self._when_unsure

    def now_there(self) -> datetime | None:
        """Return the time at Slack, by its last answer's `Date`; None before the first one."""
        return self._api.clock.now()

    async def prepare(self) -> None:
        """Learn who our bot is and what time it is at Slack. Raises DeliveryError."""
        await load_sdk()
        await self._history.introduce()

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Look for a message in the channel's history, or among the replies in its thread.

        Raises DeliveryError, LookupImpossible among them.
        """
        return await self._history.find(notification_id, since, place)

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Post one message, or put it in the place of another; the receipt holds the channel's id and `ts`.

        Raises DeliveryError. After `deadline` (of time.monotonic()) nothing leaves any more.
        """
        post = render(message, self._mention, is_plain=is_plain)
        body: dict[str, Any] = {
            "channel": place.channel or self._address.channel,
            "text": post.text,
        }
        if post.blocks:
            body["blocks"] = list(post.blocks)
        if place.form is Form.UPDATE:
            method, body["ts"] = "chat.update", place.root
        else:
            # An update leaves the metadata: by them a message is found again.
            method, body["metadata"] = "chat.postMessage", post.metadata
            body["unfurl_links"], body["unfurl_media"] = False, False
        if place.form is Form.REPLY:
            body["thread_ts"], body["reply_broadcast"] = place.root, place.is_broadcast
        answer = await self._api.post(method, body, deadline=deadline, reads=read_posted)
        try:
            return read_post(answer, self._address)
        except DeliveryRejected as error:
            if not await self._is_about_another_channel(error, place):
                raise
            lost = f"{error}; the message is in a channel of before, and is posted anew"
            code = error.code
        raise DeliveryRejected(lost, code=code, scope="root")

    async def find_permalink(self, channel: str, message_ref: str) -> str:
        """Return the address of a message, "" where Slack gives none that is fit. Raises DeliveryError."""
        await load_sdk()
        answer = await self._api.get("chat.getPermalink", channel=channel, message_ts=message_ref)
        return read_permalink(answer, self._address)

    async def _is_about_another_channel(self, error: DeliveryRejected, place: Place) -> bool:
        """Whether a refusal concerns the channel that a card stands in, and not the one of now."""
        if error.scope != "receiver" or error.code not in _ABOUT_CHANNELS or not place.channel:
            return False
        try:
            return await self._history.find_channel() != place.channel
        except DeliveryError:
            return False

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say who the bot is, what it may do and how its channel is; with `sends`, post a test message."""
        return check_bot(
            self._api, self._address, self._send_rich, self._when_unsure, self._groups, sends=sends
        )

    async def _send_rich(self, message: Message) -> Receipt:
        return await self.send(message, is_plain=False)


def _digest_destination(base_url: str, token: str, address: Address) -> str:
    """Return the digest of a place.

    An id names one channel in all of Slack, whatever token reaches it. A name does so in one workspace only:
    two workspaces' `#sales` must not pass for one place, or one of them would never be told. A bot token's
    second part is its workspace's number; of a token without one the whole is digested (it is random, so it
    cannot be found again from 16 bytes of digest).
    """
    place = [base_url.rstrip("/").lower()]
    if address.has_channel_id:
        place.append(address.channel)
    else:
        found = _BOT_TOKEN.fullmatch(token.strip())
        place += [address.channel.removeprefix("#").lower(), found["team"] if found else token.strip()]
    return blake2b("\0".join(place).encode(), digest_size=16, person=b"slack").hexdigest()
