"""The receiver of kind `slack_webhook`: an incoming webhook, which posts to the channel it was made for.

It tells neither channel nor `ts`, so nothing can be looked for, updated or threaded: at least once.
"""

from collections.abc import AsyncIterator

import aiohttp

from notifier.domain.delivery import BY_ITSELF, Finding, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message
from notifier.receivers.one_way import OneWayReceiver
from notifier.receivers.slack.answers import Address, read_webhook
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.check import check_webhook
from notifier.receivers.slack.client import Webhook, load_sdk
from notifier.receivers.slack.mention import read_mention


class SlackWebhookReceiver(OneWayReceiver):
    """Posts to one incoming webhook. `mention` is as in `read_mention`, which raises ConfigError."""

    def __init__(
        self,
        name: str,
        url: str,
        session: aiohttp.ClientSession,
        *,
        mention: str = "",
        pace_seconds: float = 1.0,
        timeout_seconds: float = 15.0,
        when_unsure: WhenUnsure = WhenUnsure.RESEND,
        url_setting: str = "NOTIFIER_SLACK__WEBHOOK_URL",
    ) -> None:
        super().__init__(
            name,
            "slack_webhook",
            url.strip(),
            pace_seconds=pace_seconds,
            timeout_seconds=timeout_seconds,
            when_unsure=when_unsure,
        )
        self._address = Address(name, channel="", credential_setting=url_setting)
        self._webhook = Webhook(url=url, session=session, address=self._address)
        self._mention = read_mention(mention)

    @property
    def traits(self) -> Traits:
        """People read it; what was posted can neither be changed nor replied to."""
        return Traits()

    async def prepare(self) -> None:
        """Nothing has to be known before the first message, but slack_sdk has to be there."""
        await load_sdk()

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Post one message, always by itself; the receipt says only that it was taken. Raises DeliveryError.

        After `deadline` (of time.monotonic()) it does not leave any more.
        """
        del place
        post = render(message, self._mention, is_plain=is_plain)
        body = {"text": post.text, "metadata": post.metadata, "unfurl_links": False, "unfurl_media": False}
        if post.blocks:
            body["blocks"] = list(post.blocks)
        return read_webhook(await self._webhook.post(body, deadline=deadline), self._address)

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say what can be said without posting; with `sends`, post a test message."""
        return check_webhook(self._address, self._send_rich, self._when_unsure, sends=sends)

    async def _send_rich(self, message: Message) -> Receipt:
        return await self.send(message, is_plain=False)
