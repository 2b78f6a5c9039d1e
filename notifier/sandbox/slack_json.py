"""Channels and messages as Slack's Web API gives them."""

from notifier.sandbox.conversation import Bot, Channel, Json, Message
from notifier.sandbox.workspace import TEAM_ID, Workspace


def channel_json(channel: Channel, bot: Bot) -> Json:
    """Return a conversation object (`conversations.info`) as this bot sees it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": False,
        "is_member": bot.bot_id in channel.members,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "context_team_id": TEAM_ID,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members - {"*"}) + 3,
    }


def message_json(workspace: Workspace, message: Message, *, with_metadata: bool) -> Json:
    """Return a message object; a thread's root also says how its thread stands."""
    bot = workspace.bots[message.bot_id]
    answer: Json = {
        "type": "message",
        "ts": message.ts,
        "text": message.text,
        "team": TEAM_ID,
        "bot_id": bot.bot_id,
        "app_id": bot.app_id,
        "bot_profile": {
            "id": bot.bot_id,
            "app_id": bot.app_id,
            "name": bot.name,
            "team_id": TEAM_ID,
            "deleted": False,
        },
    }
    if message.is_webhook:
        answer["subtype"] = "bot_message"
    else:
        answer["user"] = bot.user_id
    if message.blocks:
        answer["blocks"] = message.blocks
    if message.edited_ts is not None:
        answer["edited"] = {"user": bot.user_id, "ts": message.edited_ts}
    if with_metadata and message.metadata is not None:
        answer["metadata"] = message.metadata
    answer.update(_thread_fields(workspace, message))
    return answer


def _thread_fields(workspace: Workspace, message: Message) -> Json:
    channel = workspace.channels[message.channel_id]
    if message.thread_ts is not None:
        root = channel.messages.get(message.thread_ts)
        fields: Json = {"thread_ts": message.thread_ts}
        if root is not None:
            fields["parent_user_id"] = workspace.bots[root.bot_id].user_id
        if message.is_broadcast:
            fields["subtype"] = "thread_broadcast"
        return fields
    replies = channel.replies(message.ts)
    if not replies:
        return {}
    authors = list(dict.fromkeys(workspace.bots[reply.bot_id].user_id for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(authors),
        "reply_users": authors,
        "latest_reply": replies[-1].ts,
    }
