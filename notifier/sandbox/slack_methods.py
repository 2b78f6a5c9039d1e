"""The Web API methods of the sandbox's Slack, by name.

Each takes a `Call` and returns the answer's JSON object, or raises `Refused`, which
becomes `{"ok": false, "error": …}`. Behaviour and error names follow Slack's Web API
reference (read 2026-08).
"""

from collections.abc import Callable, Mapping

from notifier.sandbox.conversation import Json
from notifier.sandbox.slack_calls import Call
from notifier.sandbox.slack_posting import get_permalink, post_message, update_message
from notifier.sandbox.slack_reading import (
    conversations_history,
    conversations_info,
    conversations_list,
    conversations_replies,
)
from notifier.sandbox.workspace import TEAM_ID


def auth_test(call: Call) -> Json:
    """`auth.test`: who the token belongs to."""
    return {
        "url": f"{call.url}/",
        "team": call.workspace.name,
        "user": call.bot.name.lower().replace(" ", "_"),
        "team_id": TEAM_ID,
        "user_id": call.bot.user_id,
        "bot_id": call.bot.bot_id,
        "is_enterprise_install": False,
    }


def usergroups_list(call: Call) -> Json:
    """`usergroups.list`: the groups that can be mentioned."""
    call.need("usergroups:read")
    groups = call.workspace.usergroups.items()
    return {"usergroups": [{"id": group_id, "handle": handle} for group_id, handle in groups]}


METHODS: Mapping[str, Callable[[Call], Json]] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.update": update_message,
    "chat.getPermalink": get_permalink,
    "usergroups.list": usergroups_list,
    "conversations.info": conversations_info,
    "conversations.list": conversations_list,
    "conversations.history": conversations_history,
    "conversations.replies": conversations_replies,
}
