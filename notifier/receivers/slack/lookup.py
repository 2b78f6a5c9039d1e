"""Whether a message already stands in Slack: asked of the channel's history, by the message's metadata.

Sources: docs.slack.dev, `conversations.history`, `conversations.replies`, `auth.test` and "Message metadata",
read 2026-08. Anybody in the workspace can post a message with our metadata: only our own bot's are believed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from notifier.domain.delivery import BY_ITSELF, Form, Place, Receipt
from notifier.errors import DeliveryRejected, DeliveryUnavailable, LookupImpossible
from notifier.receivers.slack.access import read_scopes
from notifier.receivers.slack.answers import Address, read_api
from notifier.receivers.slack.channels import find_channel_id, read_cursor
from notifier.receivers.slack.client import WebApi

EVENT_TYPE: Final = "dintero_notification"
CANNOT_BE_ASKED: Final = frozenset(
    {
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "channel_not_found",
        "not_in_channel",
        "access_denied",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "team_access_not_granted",
    }
)
"""Slack's own words for a history that the bot may not read; any other refusal may be somebody else's."""
PAGE_SIZE: Final = 200
MAX_PAGES: Final = 100
"""So many pages of history are looked through; a channel that had more since the attempt cannot be asked."""


class History:
    """A channel's history, as our own bot may read it."""

    def __init__(self, api: WebApi, address: Address) -> None:
        self._api = api
        self._address = address
        self._bot_id = ""
        self.scopes: frozenset[str] = frozenset()
        self._channel = address.channel if address.has_channel_id else ""

    async def introduce(self) -> None:
        """Learn who our bot is, and what time it is at Slack. Raises DeliveryError."""
        if self._bot_id:
            return
        answer = await self._api.post("auth.test", {})
        body = read_api(answer, self._address)
        bot_id = body.get("bot_id")
        if not isinstance(bot_id, str) or not bot_id:
            raise LookupImpossible(
                f"{self._address}: {self._address.credential_setting} is no bot's token, so what it has "
                "posted cannot be told from what others have",
                code="no_bot",
            )
        self._bot_id = bot_id
        self.scopes = read_scopes(answer.headers)

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Return where a notification's message stands, None where it does not.

        Everything since `since` (Slack's time) is looked through: the channel, or the thread where `place` is
        in one (a reply that is shown in the channel as well stands there once). Raises LookupImpossible where
        the history may not be read, another DeliveryError where it could not be read this time:
        DeliveryRejected where it was refused for a reason that says nothing about the history.
        """
        await self.introduce()
        try:
            channel = place.channel or await self._find_channel()
            thread = place.root if place.form is Form.REPLY else ""
            return await self._search(channel, thread, notification_id, since)
        except DeliveryRejected as error:
            if error.code not in CANNOT_BE_ASKED:
                raise
            raise LookupImpossible(f"{error} (to look for a message)", code=error.code) from None

    async def find_channel(self) -> str:
        """Return the id of the receiver's channel as it is now. Raises DeliveryError."""
        if self._address.has_channel_id:
            return self._address.channel
        await self.introduce()
        self._channel = ""
        return await self._find_channel()

    async def _find_channel(self) -> str:
        if not self._channel:
            self._channel = await find_channel_id(self._api, self._address, self.scopes)
        if not self._channel:
            raise LookupImpossible(
                f"{self._address}: {self._address.channel} is not among the channels that the bot sees: give "
                f"its id in {self._address.channel_setting}",
                code="channel_not_found",
            )
        return self._channel

    async def _search(
        self, channel: str, thread: str, notification_id: str, since: datetime
    ) -> Receipt | None:
        cursor = ""
        method = "conversations.replies" if thread else "conversations.history"
        where = {"ts": thread} if thread else {}
        for _ in range(MAX_PAGES):
            page = {"cursor": cursor} if cursor else {}
            answer = await self._api.get(
                method,
                channel=channel,
                **where,
                oldest=f"{since.timestamp():.6f}",
                inclusive="true",
                limit=PAGE_SIZE,
                include_all_metadata="true",
                **page,
            )
            body = read_api(answer, self._address)
            if not isinstance(body.get("messages"), list):
                # An answer without messages is no answer that there are none.
                raise DeliveryUnavailable(f"{self._address}: Slack's history came without messages in it")
            message_ref = find_message(body, self._bot_id, notification_id)
            if message_ref:
                return Receipt(channel, message_ref)
            cursor = read_cursor(body)
            if not cursor and body.get("has_more") is True:
                raise DeliveryUnavailable(f"{self._address}: Slack's history goes on, but does not say where")
            if not cursor:
                return None
        raise LookupImpossible(
            f"{self._address}: more than {MAX_PAGES * PAGE_SIZE:,} messages were posted since the attempt",
            code="too_many_messages",
        )


def find_message(body: Mapping[str, object], bot_id: str, notification_id: str) -> str:
    """Return the `ts` of our bot's message for a notification on one page of history, "" without one."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if not isinstance(message, Mapping) or message.get("bot_id") != bot_id:
            continue
        metadata = message.get("metadata")
        payload = metadata.get("event_payload") if isinstance(metadata, Mapping) else None
        is_ours = isinstance(metadata, Mapping) and metadata.get("event_type") == EVENT_TYPE
        if is_ours and isinstance(payload, Mapping) and payload.get("notification_id") == notification_id:
            message_ref = message.get("ts")
            return message_ref if isinstance(message_ref, str) else ""
    return ""
