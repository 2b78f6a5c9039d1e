"""What Slack's words for "no" mean: the closed table of its errors, and how to mend each.

Sources: docs.slack.dev, `chat.postMessage` (errors), "Sending messages using incoming webhooks" (handling
errors), "Rate limits"; read 2026-08.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    """What follows from an error."""

    RECEIVER = "receiver"
    """Nothing can be sent until somebody mends the receiver."""
    MESSAGE = "message"
    """This message cannot be taken; others can."""
    ROOT = "root"
    """The message that is to be updated or replied to is gone, or cannot be changed any more."""
    RATE = "rate"
    """Too many messages: later."""
    LATER = "later"
    """Surely not taken, and nothing to mend: later."""
    UNCLEAR = "unclear"
    """Slack broke while it worked on it: nobody knows whether the message stands."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error of Slack's: what follows from it, and the words for a person.

    `remedy` may hold `{channel}`, `{credential}` (the setting that holds the token or the address),
    `{channel_setting}` and `{needed}` (the scope that Slack asks for).
    """

    meaning: Meaning
    remedy: str


def find_refusal(code: str) -> Refusal | None:
    """Return what an error of Slack's means, None for one that the table does not know."""
    return REFUSALS.get(code)


_TOKEN = Refusal(
    Meaning.RECEIVER,
    "the token is wrong, revoked or expired: put the app's bot token (xoxb-…) into {credential}",
)
_TOKEN_KIND = Refusal(
    Meaning.RECEIVER, "this kind of token may not do that: put the app's bot token (xoxb-…) into {credential}"
)
_SCOPE = Refusal(
    Meaning.RECEIVER, "add the scope {needed} to the app (OAuth & Permissions) and install it again"
)
_NO_CHANNEL = Refusal(
    Meaning.RECEIVER,
    "there is no channel {channel} that the bot can see: mend {channel_setting}, or invite the bot with "
    "/invite if the channel is private",
)
_NOT_MEMBER = Refusal(
    Meaning.RECEIVER, "the bot is not in {channel}: invite it there with /invite @ and its name"
)
_ARCHIVED = Refusal(
    Meaning.RECEIVER, "the channel {channel} is archived: unarchive it, or name another in {channel_setting}"
)
_FORBIDDEN = Refusal(
    Meaning.RECEIVER,
    "the workspace does not let the app post to {channel}: ask a workspace admin to allow it",
)
_WORKSPACE = Refusal(
    Meaning.RECEIVER, "the workspace does not let the app in: ask a workspace admin to approve the app again"
)
_ADDRESS = Refusal(
    Meaning.RECEIVER, "the server does not know the method: check that the base URL is Slack's (…/api/)"
)
_WEBHOOK_GONE = Refusal(
    Meaning.RECEIVER,
    "the webhook was removed or disabled: make a new one and put its address into {credential}",
)
_WEBHOOK_FORBIDDEN = Refusal(
    Meaning.RECEIVER, "a workspace admin has restricted posting there: ask for it to be allowed"
)
_FORM = Refusal(Meaning.MESSAGE, "it does not take the message in this form")
_SIZE = Refusal(Meaning.MESSAGE, "the message is longer than it takes")
_ROOT = Refusal(
    Meaning.ROOT, "the message that this belongs to is gone or cannot be changed; it is posted anew"
)
_RATE = Refusal(Meaning.RATE, "too many messages; it is sent again later")
_MOVING = Refusal(Meaning.LATER, "the workspace is being migrated; it is sent again later")
_BROKEN = Refusal(Meaning.UNCLEAR, "it broke while it worked on the request, which may have taken effect")

REFUSALS: Final[dict[str, Refusal]] = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"), _TOKEN
    ),
    **dict.fromkeys(("not_allowed_token_type", "user_is_bot", "bot_not_found", "invalid_token"), _TOKEN_KIND),
    "missing_scope": _SCOPE,
    "channel_not_found": _NO_CHANNEL,
    "not_in_channel": _NOT_MEMBER,
    "is_archived": _ARCHIVED,
    "channel_is_archived": _ARCHIVED,
    **dict.fromkeys(
        (
            "no_permission",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "restricted_action_non_threadable_channel",
            "messages_tab_disabled",
            "cannot_dm_bot",
            "user_not_found",
        ),
        _FORBIDDEN,
    ),
    **dict.fromkeys(
        (
            "access_denied",
            "accesslimited",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "team_access_not_granted",
            "two_factor_setup_required",
        ),
        _WORKSPACE,
    ),
    **dict.fromkeys(("unknown_method", "deprecated_endpoint", "method_deprecated"), _ADDRESS),
    **dict.fromkeys(
        (
            "no_service",
            "no_service_id",
            "no_team",
            "no_active_hooks",
            "team_disabled",
        ),
        _WEBHOOK_GONE,
    ),
    **dict.fromkeys(("action_prohibited", "posting_to_general_channel_denied"), _WEBHOOK_FORBIDDEN),
    **dict.fromkeys(
        (
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_payload",
            "invalid_arguments",
            "invalid_arg_name",
            "invalid_array_arg",
            "invalid_charset",
            "invalid_form_data",
            "invalid_json",
            "invalid_post_type",
            "invalid_metadata_format",
            "invalid_metadata_schema",
            "json_not_object",
            "markdown_text_conflict",
            "metadata_must_be_sent_from_app",
            "missing_post_type",
            "no_text",
        ),
        _FORM,
    ),
    **dict.fromkeys(
        ("msg_too_long", "msg_blocks_too_long", "metadata_too_large", "too_many_attachments"), _SIZE
    ),
    **dict.fromkeys(
        (
            "message_not_found",
            "cant_update_message",
            "edit_window_closed",
            "thread_not_found",
            "cannot_reply_to_message",
            "restricted_action_thread_locked",
        ),
        _ROOT,
    ),
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), _RATE),
    **dict.fromkeys(("team_added_to_org", "org_login_required"), _MOVING),
    **dict.fromkeys(
        ("internal_error", "fatal_error", "request_timeout", "service_unavailable", "rollup_error"), _BROKEN
    ),
}
