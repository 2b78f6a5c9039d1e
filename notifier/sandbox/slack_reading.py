"""The Web API methods that read channels and messages (reference read 2026-08)."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from itertools import islice

from notifier.sandbox.conversation import Channel, Json, Message
from notifier.sandbox.slack_calls import Call, Refused
from notifier.sandbox.slack_json import channel_json, message_json

MAX_PAGE = 999


def conversations_info(call: Call) -> Json:
    """`conversations.info`."""
    call.need("channels:read", "groups:read")
    channel = call.find_channel()
    call.need("groups:read" if channel.is_private else "channels:read")
    return {"channel": channel_json(channel, call.bot)}


def conversations_list(call: Call) -> Json:
    """`conversations.list`: public channels unless `types` says otherwise, in pages."""
    types = call.text("types", "public_channel").replace(" ", "").split(",")
    for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read")):
        if kind in types:
            call.need(scope)
    channels = [
        channel
        for channel in call.workspace.channels.values()
        if ("private_channel" if channel.is_private else "public_channel") in types
        and not (channel.is_private and call.bot.bot_id not in channel.members)
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    start = _cursor(call, default="0")
    if not start.isdecimal():
        raise Refused("invalid_cursor")
    end = int(start) + _limit(call, 100)
    listed = channels[int(start) : end]
    return {
        "channels": [channel_json(channel, call.bot) for channel in listed],
        "response_metadata": {"next_cursor": _as_cursor(str(end)) if end < len(channels) else ""},
    }


def conversations_history(call: Call) -> Json:
    """`conversations.history`: what the channel shows, the newest first, in pages."""
    channel = _readable_channel(call)
    before = _cursor(call)
    limit = _limit(call, 100)
    shown = (
        message
        for message in _in_window(call, reversed(channel.messages.values()))
        if message.is_in_channel and (not before or message.ts < before)
    )
    found = list(islice(shown, limit + 1))
    page, has_more = found[:limit], len(found) > limit
    return {
        "messages": _as_json(call, page),
        "has_more": has_more,
        "pin_count": 0,
        "response_metadata": {"next_cursor": _as_cursor(page[-1].ts) if has_more else ""},
    }


def conversations_replies(call: Call) -> Json:
    """`conversations.replies`: the root on every page, then replies, the oldest first."""
    channel = _readable_channel(call)
    asked = channel.messages.get(call.text("ts"))
    root_ts = (asked.thread_ts or asked.ts) if asked is not None else call.text("ts")
    root = channel.messages.get(root_ts)
    if root is None or not call.shows(root):
        raise Refused("thread_not_found")
    after = _cursor(call)
    window = _in_window(call, reversed(channel.replies(root.ts)))
    replies = [message for message in window if message.ts > after][::-1]
    limit = _limit(call, MAX_PAGE)
    page = replies[:limit]
    has_more = len(replies) > limit
    return {
        "messages": _as_json(call, [root, *page]),
        "has_more": has_more,
        "response_metadata": {"next_cursor": _as_cursor(page[-1].ts) if has_more else ""},
    }


def _readable_channel(call: Call) -> Channel:
    call.need("channels:history", "groups:history")
    channel = call.find_channel()
    call.need("groups:history" if channel.is_private else "channels:history")
    if call.bot.bot_id not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _in_window(call: Call, newest_first: Iterable[Message]) -> Iterator[Message]:
    """Yield the messages between `oldest` and `latest` that history already shows."""
    low = _as_microseconds(call.text("oldest", "0"))
    high = _as_microseconds(call.text("latest")) if call.text("latest") else None
    is_inclusive = call.flag("inclusive")
    for message in newest_first:
        at = _as_microseconds(message.ts)
        if at < low:
            return
        is_inside = at > low and (high is None or at < high)
        if (is_inside or (is_inclusive and at in (low, high))) and call.shows(message):
            yield message


def _as_microseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    try:
        return int(seconds or "0") * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    except ValueError:
        raise Refused("invalid_arguments") from None


def _as_json(call: Call, messages: list[Message]) -> list[Json]:
    with_metadata = call.flag("include_all_metadata")
    return [message_json(call.workspace, message, with_metadata=with_metadata) for message in messages]


def _limit(call: Call, default: int) -> int:
    limit = call.number("limit", default)
    if not 1 <= limit <= MAX_PAGE + 1:
        raise Refused("invalid_limit")
    return limit


def _as_cursor(place: str) -> str:
    return b64encode(f"next:{place}".encode()).decode()


def _cursor(call: Call, default: str = "") -> str:
    cursor = call.text("cursor")
    if not cursor:
        return default
    try:
        name, _, place = b64decode(cursor, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError, ValueError):
        raise Refused("invalid_cursor") from None
    if name != "next":
        raise Refused("invalid_cursor")
    return place
