"""The Web API methods that post, edit and link messages (reference read 2026-08)."""

import json

from notifier.sandbox.conversation import Channel, Json
from notifier.sandbox.limits import MAX_MESSAGE_TEXT, MAX_TEXT_IN_BLOCKS, errors_in, text_length
from notifier.sandbox.slack_calls import Call, Refused
from notifier.sandbox.slack_json import message_json

MAX_METADATA_BYTES = 8000


def post_message(call: Call) -> Json:
    """`chat.postMessage`."""
    call.need("chat:write")
    channel = call.find_channel(by_name=True)
    if channel.is_archived:
        raise Refused("is_archived")
    if call.bot.bot_id not in channel.members and "chat:write.public" not in call.bot.scopes:
        raise Refused("not_in_channel")
    if channel.is_restricted:
        raise Refused("restricted_action")
    text, blocks = _content(call)
    thread_ts = _thread_root(channel, call.text("thread_ts"))
    message = call.workspace.post(
        channel,
        call.bot,
        text=text[:MAX_MESSAGE_TEXT],
        blocks=blocks,
        thread_ts=thread_ts,
        is_broadcast=call.flag("reply_broadcast"),
        metadata=_metadata(call),
        unfurl_links=_optional_flag(call, "unfurl_links"),
        unfurl_media=_optional_flag(call, "unfurl_media"),
    )
    answer = {
        "channel": channel.id,
        "ts": message.ts,
        "message": message_json(call.workspace, message, with_metadata=True),
    }
    if len(text) > MAX_MESSAGE_TEXT:
        answer["response_metadata"] = {"warnings": ["message_truncated"]}
    return answer


def update_message(call: Call) -> Json:
    """`chat.update`: text without blocks removes the blocks; metadata stays unless given."""
    call.need("chat:write")
    channel = call.find_channel()
    message = channel.messages.get(call.text("ts"))
    if message is None:
        raise Refused("message_not_found")
    if message.bot_id != call.bot.bot_id or message.is_webhook:
        raise Refused("cant_update_message")
    if channel.is_archived:
        raise Refused("is_archived")
    text, blocks = _content(call)
    if len(text) > MAX_MESSAGE_TEXT:
        raise Refused("msg_too_long")
    call.workspace.edit(message, text=text, blocks=blocks, metadata=_metadata(call))
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(call.workspace, message, with_metadata=True),
    }


def get_permalink(call: Call) -> Json:
    """`chat.getPermalink`: an address that the sandbox's page opens."""
    channel = call.find_channel()
    message = channel.messages.get(call.text("message_ts"))
    if message is None:
        raise Refused("message_not_found")
    link = f"{call.url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts is not None:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def checked_blocks(blocks: object) -> list[Json] | None:
    """Return blocks that Slack takes; refuse others as Slack does."""
    if blocks is None:
        return None
    if errors := errors_in(blocks):
        raise Refused("invalid_blocks", errors=errors, response_metadata={"messages": errors})
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if text_length(blocks) > MAX_TEXT_IN_BLOCKS:
        raise Refused("msg_blocks_too_long")
    return blocks


def _content(call: Call) -> tuple[str, list[Json] | None]:
    blocks = checked_blocks(call.json("blocks", "invalid_blocks_format"))
    text = call.text("text")
    if not text and not blocks:
        raise Refused("no_text")
    return text, blocks


def _metadata(call: Call) -> Json | None:
    metadata = call.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata
    if (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("event_type"), str)
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata)) > MAX_METADATA_BYTES:
        raise Refused("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def _optional_flag(call: Call, name: str) -> bool | None:
    return call.flag(name) if name in call.arguments else None


def _thread_root(channel: Channel, thread_ts: str) -> str | None:
    """Return the root's `ts`; a reply's `ts` leads to the root of its thread."""
    if not thread_ts:
        return None
    found = channel.messages.get(thread_ts)
    if found is None:
        raise Refused("thread_not_found")
    return found.thread_ts or found.ts
