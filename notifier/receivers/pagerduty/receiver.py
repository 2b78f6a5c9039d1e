"""The receiver of kind `pagerduty`: alerts of one service, by its integration's routing key."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp

from notifier.domain.delivery import BY_ITSELF, Finding, Level, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message
from notifier.receivers.answers import Peer
from notifier.receivers.exchange import post
from notifier.receivers.one_way import AT_LEAST_ONCE, TEST_MESSAGE, OneWayReceiver
from notifier.receivers.pagerduty.events import RETRY_SECONDS, read, render

_GUARANTEES: Final = AT_LEAST_ONCE | {
    WhenUnsure.RESEND: (
        "at least once: after an unclear answer an event is sent again, which updates the same alert"
    )
}


class PagerDutyReceiver(OneWayReceiver):
    """Triggers and resolves alerts. `key_setting` is what its sentences tell people to mend.

    An alert has the case as its `dedup_key`: a trigger that arrives twice updates one alert, so that what is
    sent again after an unclear answer wakes nobody a second time.
    """

    def __init__(
        self,
        name: str,
        routing_key: str,
        base_url: str,
        session: aiohttp.ClientSession,
        *,
        pace_seconds: float = 0.0,
        timeout_seconds: float = 15.0,
        when_unsure: WhenUnsure = WhenUnsure.RESEND,
        key_setting: str = "its routing key",
    ) -> None:
        super().__init__(
            name,
            "pagerduty",
            f"{base_url.rstrip('/').lower()}\0{routing_key}",
            pace_seconds=pace_seconds,
            timeout_seconds=timeout_seconds,
            when_unsure=when_unsure,
        )
        self._routing_key = routing_key
        self._url = f"{base_url.rstrip('/')}/v2/enqueue"
        self._session = session
        self._peer = Peer(name, "PagerDuty", key_setting, RETRY_SECONDS)

    @property
    def traits(self) -> Traits:
        """A machine reads it, and wants to be told of each case."""
        return Traits(is_read_by_people=False)

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Trigger the alert of the message's case, or resolve it when the matter is over.

        Raises DeliveryError. After `deadline` (of time.monotonic()) nothing leaves any more.
        """
        del place
        answer = await post(
            self._session,
            self._url,
            render(message, self._routing_key, is_plain=is_plain),
            self._peer,
            timeout_seconds=self._timeout_seconds,
            deadline=deadline,
        )
        return read(answer, self._peer)

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say what can be said without posting; with `sends`, trigger an alert and resolve it again."""
        links = self._say(Level.OK, "signature links are not sent to PagerDuty")
        return self._check((links,), _GUARANTEES[self._when_unsure], self._test, sends=sends)

    async def _test(self) -> str:
        await self.send(TEST_MESSAGE, is_plain=False)
        await self.send(TEST_MESSAGE._replace(is_over=True), is_plain=False)
        return "a test message was posted: an alert of severity info, which is resolved again"
