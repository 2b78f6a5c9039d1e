"""Whether an app's scopes and a channel are fit for the job: values in, findings' sentences out.

Sources: docs.slack.dev, "Permission scopes" and the conversation object, read 2026-08.
"""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from notifier.domain.delivery import Level
from notifier.receivers.slack.answers import Address

Verdict: TypeAlias = tuple[Level, str]

WRITE: Final = "chat:write"
READ_PUBLIC: Final = "channels:read"
READ_PRIVATE: Final = "groups:read"

_WRITE_ANYWHERE: Final = "chat:write.public"
_HISTORY: Final = ("channels:history", "groups:history")
_OUTSIDE: Final = ("is_ext_shared", "is_pending_ext_shared", "is_shared", "is_org_shared")
_ADD: Final = "add it to the app (OAuth & Permissions) and install the app again"
_READERS: Final = "whoever reads it can open the signature links that are posted there"


def read_scopes(headers: Mapping[str, str]) -> frozenset[str]:
    """Return the scopes that an answer of Slack's says the token has; empty where it does not say."""
    listed = headers.get("x-oauth-scopes", "").split(",")
    return frozenset(scope.strip() for scope in listed if scope.strip())


def judge_scopes(scopes: frozenset[str]) -> Iterator[Verdict]:
    """Say which of the scopes that the job takes are missing; none at all means that Slack named none."""
    if not scopes:
        yield Level.WARNING, "Slack did not say which scopes the token has, so they cannot be verified"
        return
    if WRITE not in scopes:
        yield Level.PROBLEM, f"the scope {WRITE} is missing, so nothing can be posted: {_ADD}"
    else:
        yield Level.OK, f"the token may post ({WRITE})"
    missing = " and ".join(scope for scope in _HISTORY if scope not in scopes)
    if missing:
        sentence = (
            f"without {missing} (for public and private channels) a message cannot be looked for after an "
            f"unclear answer: add what the channel needs to the app, and install the app again"
        )
        yield Level.WARNING, sentence


def judge_channel(
    channel: Mapping[str, object], address: Address, scopes: frozenset[str], bot: str
) -> Iterator[Verdict]:
    """Say whether the bot can post to a channel, and who reads it besides those who are meant to."""
    name = address.channel
    if channel.get("is_archived") is True:
        yield (
            Level.PROBLEM,
            f"the channel {name} is archived: unarchive it, or name another in {address.channel_setting}",
        )
        return
    is_private = channel.get("is_private") is True or channel.get("is_im") is True
    if channel.get("is_member") is False and (is_private or _WRITE_ANYWHERE not in scopes):
        yield Level.PROBLEM, f"the bot is not in {name}: invite it there with /invite @{bot}"
    else:
        yield Level.OK, f"the bot can post to {name}"
    if any(channel.get(flag) is True for flag in _OUTSIDE):
        yield (
            Level.WARNING,
            f"the channel {name} is shared with another workspace or organisation: {_READERS}",
        )
    if not is_private and channel.get("is_mpim") is not True:
        yield (
            Level.WARNING,
            f"the channel {name} is public: {_READERS}, so a private one is better",
        )
