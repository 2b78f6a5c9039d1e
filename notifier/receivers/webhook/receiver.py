"""The receiver of kind `webhook`: any web address, signed as Standard Webhooks 1.0 asks.

The id is the same on every attempt, so that the other end can tell a message that arrives twice.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Final

import aiohttp

from notifier.domain.delivery import BY_ITSELF, Finding, Level, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message
from notifier.receivers.answers import Peer, explain
from notifier.receivers.exchange import post
from notifier.receivers.one_way import AT_LEAST_ONCE, TEST_MESSAGE, OneWayReceiver
from notifier.receivers.webhook.payload import render
from notifier.receivers.webhook.signature import read_keys, sign

_GUARANTEES: Final = AT_LEAST_ONCE | {
    WhenUnsure.RESEND: (
        "at least once: after an unclear answer a message is sent again with the same webhook-id, by "
        "which the other end can drop the second"
    )
}


class WebhookReceiver(OneWayReceiver):
    """Posts signed JSON to one address. `signing_secret` is as in `read_keys`, which raises ConfigError.

    `url_setting` is what its sentences tell people to mend; `now` returns seconds of Unix time.
    """

    def __init__(
        self,
        name: str,
        url: str,
        signing_secret: str,
        session: aiohttp.ClientSession,
        *,
        pace_seconds: float = 0.0,
        timeout_seconds: float = 15.0,
        when_unsure: WhenUnsure = WhenUnsure.RESEND,
        url_setting: str = "its address",
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            name,
            "webhook",
            url.strip(),
            pace_seconds=pace_seconds,
            timeout_seconds=timeout_seconds,
            when_unsure=when_unsure,
        )
        self._url = url.strip()
        self._keys = read_keys(signing_secret)
        self._session = session
        self._peer = Peer(name, "the other end", url_setting)
        self._now = now

    @property
    def traits(self) -> Traits:
        """A machine reads it, and wants each message."""
        return Traits(is_read_by_people=False)

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Post one message; any 2xx takes it, whatever comes with it. Raises DeliveryError.

        After `deadline` (of time.monotonic()) it does not leave any more. There is one form only.
        """
        del place, is_plain
        body = render(message)
        answer = await post(
            self._session,
            self._url,
            body,
            self._peer,
            headers=sign(self._keys, message.notification_id, int(self._now()), body),
            timeout_seconds=self._timeout_seconds,
            deadline=deadline,
        )
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return Receipt()
        raise explain(answer, self._peer)

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say what can be said without posting; with `sends`, post a test message."""
        keys = f"signed with {len(self._keys)} keys" if len(self._keys) > 1 else "signed with one key"
        signed = self._say(
            Level.OK, f"{keys}; signature links are in the messages, so they are secrets where they arrive"
        )
        return self._check((signed,), _GUARANTEES[self._when_unsure], self._test, sends=sends)

    async def _test(self) -> str:
        test_id = f"check_{secrets.token_hex(8)}"
        await self.send(TEST_MESSAGE._replace(notification_id=test_id), is_plain=False)
        return "a test message was posted"
