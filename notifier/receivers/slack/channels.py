"""A channel by its name: `conversations.info` and `conversations.history` take ids only.

Source: docs.slack.dev, `conversations.list`, read 2026-08.
"""

from collections.abc import Mapping
from typing import Final

from notifier.errors import DeliveryUnavailable
from notifier.receivers.slack.access import READ_PRIVATE, READ_PUBLIC
from notifier.receivers.slack.answers import Address, read_api
from notifier.receivers.slack.client import WebApi

MAX_PAGES: Final = 10
PAGE_SIZE: Final = 200


async def find_channel(api: WebApi, address: Address, scopes: frozenset[str]) -> Mapping[str, object] | None:
    """Return the channel of a name among those that the bot sees, None where it is not among them.

    A bounded number of pages of the list is walked. Raises DeliveryError.
    """
    wanted = address.channel.removeprefix("#").lower()
    kinds = [("public_channel", READ_PUBLIC), ("private_channel", READ_PRIVATE)]
    types = ",".join(kind for kind, scope in kinds if not scopes or scope in scopes) or "public_channel"
    cursor = ""
    for _ in range(MAX_PAGES):
        page = {"cursor": cursor} if cursor else {}
        body = read_api(await api.get("conversations.list", types=types, limit=PAGE_SIZE, **page), address)
        channels = body.get("channels")
        if not isinstance(channels, list):
            raise DeliveryUnavailable(f"{address}: Slack's list of channels came without channels in it")
        for channel in channels:
            if isinstance(channel, Mapping) and channel.get("name") == wanted:
                return channel
        cursor = read_cursor(body)
        if not cursor:
            return None
    return None


async def find_channel_id(api: WebApi, address: Address, scopes: frozenset[str]) -> str:
    """Return the id of the channel of a name, "" where the bot does not see it. Raises DeliveryError."""
    channel = await find_channel(api, address, scopes)
    found = channel.get("id") if channel else None
    return found if isinstance(found, str) else ""


def read_cursor(body: Mapping[str, object]) -> str:
    """Return the cursor of the next page, "" on the last one."""
    following = body.get("response_metadata")
    cursor = following.get("next_cursor") if isinstance(following, Mapping) else None
    return cursor if isinstance(cursor, str) else ""
