"""What `notifier check` can find out about a Slack receiver, and what to do about it.

Sources: docs.slack.dev, `auth.test`, `conversations.info`, `conversations.list` (errors, `x-oauth-scopes`),
`usergroups.list`; read 2026-08.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from notifier.domain.delivery import Finding, Level, Receipt, WhenUnsure
from notifier.domain.message import Message
from notifier.errors import DeliveryError, DeliveryRejected
from notifier.receivers.one_way import AT_LEAST_ONCE, TEST_MESSAGE
from notifier.receivers.slack.access import (
    READ_PRIVATE,
    READ_PUBLIC,
    judge_channel,
    judge_scopes,
    read_scopes,
)
from notifier.receivers.slack.answers import Address, read_api
from notifier.receivers.slack.channels import find_channel
from notifier.receivers.slack.client import WebApi
from notifier.receivers.text import clean_line

Send = Callable[[Message], Awaitable[Receipt]]
"""Sends one message through the receiver that is checked."""

_NAME_CHARS: Final = 80
_EXACTLY_ONCE: Final = (
    "exactly once: after an unclear answer the channel's history is read before a message is sent again"
)


async def check_webhook(
    address: Address, send: Send, when_unsure: WhenUnsure, *, sends: bool
) -> AsyncIterator[Finding]:
    """Say what holds of every webhook; with `sends`, post the test message through this one."""
    subject = _name_subject(address)
    if not sends:
        sentence = (
            "a webhook cannot be looked at without posting: `notifier check --send` posts a test message"
        )
        yield Finding(Level.OK, subject, sentence)
    warning = (
        "Slack does not say which channel a webhook posts to: make sure that it is neither public nor "
        "shared. Whoever reads it can open the signature links that are posted there"
    )
    yield Finding(Level.WARNING, subject, warning)
    yield Finding(Level.OK, subject, AT_LEAST_ONCE[when_unsure])
    if sends:
        yield await _send_test(address, send)


async def check_bot(
    api: WebApi,
    address: Address,
    send: Send,
    when_unsure: WhenUnsure,
    groups: frozenset[str],
    *,
    sends: bool,
) -> AsyncIterator[Finding]:
    """Say who the bot is, what it may do, and how its channel is; with `sends`, post the test message.

    `groups` are the ids of the user groups that its messages mention.
    """
    subject = _name_subject(address)
    try:
        answer = await api.post("auth.test", {})
        who = read_api(answer, address)
    except DeliveryError as error:
        yield Finding(Level.PROBLEM, subject, _tell(error, address))
        return
    bot = _take_name(who, "user")
    workspace = _take_name(who, "team")
    yield Finding(Level.OK, subject, f"Slack knows the token as @{bot} of the workspace {workspace}")
    scopes = read_scopes(answer.headers)
    for level, sentence in judge_scopes(scopes):
        yield Finding(level, subject, sentence)
    async for finding in _check_channel(api, address, scopes, bot):
        yield finding
    yield await _check_guarantee(api, address, scopes, when_unsure)
    if groups:
        yield await _check_groups(api, address, groups)
    if sends:
        yield await _send_test(address, send)


async def _check_channel(
    api: WebApi, address: Address, scopes: frozenset[str], bot: str
) -> AsyncIterator[Finding]:
    subject = _name_subject(address)
    try:
        if address.has_channel_id:
            body = read_api(await api.get("conversations.info", channel=address.channel), address)
            channel: Mapping[str, object] | None = _take_mapping(body.get("channel"))
        else:
            channel = await find_channel(api, address, scopes)
    except DeliveryRejected as error:
        if error.code == "missing_scope":
            yield Finding(Level.WARNING, subject, _tell_blindness(address))
        else:
            yield Finding(Level.PROBLEM, subject, _tell(error, address))
    except DeliveryError as error:
        yield Finding(
            Level.WARNING, subject, f"{address.channel} could not be looked at: {_tell(error, address)}"
        )
    else:
        if channel is None:
            yield Finding(Level.WARNING, subject, _tell_absence(address))
            return
        place = _take_name(channel, "id") if channel.get("id") else ""
        for level, sentence in judge_channel(channel, address, scopes, bot):
            yield Finding(level, subject, sentence, place)


async def _check_guarantee(
    api: WebApi, address: Address, scopes: frozenset[str], when_unsure: WhenUnsure
) -> Finding:
    """Read a line of the channel's history: only that shows whether it can be read."""
    subject = _name_subject(address)
    try:
        channel = address.channel
        if not address.has_channel_id:
            found = await find_channel(api, address, scopes)
            channel = str(found.get("id", "")) if found else ""
        read_api(await api.get("conversations.history", channel=channel, limit=1), address)
    except DeliveryError as error:
        sentence = (
            f"{AT_LEAST_ONCE[when_unsure]}. The channel's history cannot be read: {_tell(error, address)}"
        )
        return Finding(Level.WARNING, subject, sentence)
    return Finding(Level.OK, subject, _EXACTLY_ONCE)


async def _check_groups(api: WebApi, address: Address, groups: frozenset[str]) -> Finding:
    """Say whether the user groups that are mentioned exist: a mention of none calls nobody."""
    subject = _name_subject(address)
    try:
        body = read_api(await api.get("usergroups.list"), address)
    except DeliveryError as error:
        sentence = (
            f"whether the user groups that are mentioned exist cannot be verified: {_tell(error, address)}"
        )
        return Finding(Level.WARNING, subject, sentence)
    listed = body.get("usergroups")
    there = {_take_mapping(one).get("id") for one in listed} if isinstance(listed, list) else set()
    missing = sorted(groups - there)
    if missing:
        sentence = (
            f"Slack knows no user group {', '.join(missing)}, so a mention of it calls nobody: "
            "take the id (S…) from the group's page in Slack"
        )
        return Finding(Level.PROBLEM, subject, sentence)
    return Finding(Level.OK, subject, "the user groups that are mentioned exist")


async def _send_test(address: Address, send: Send) -> Finding:
    subject = _name_subject(address)
    try:
        await send(TEST_MESSAGE)
    except DeliveryError as error:
        return Finding(Level.PROBLEM, subject, f"the test message was not confirmed: {_tell(error, address)}")
    return Finding(Level.OK, subject, "a test message was posted")


def _tell_blindness(address: Address) -> str:
    return (
        f"without the scopes {READ_PUBLIC} and {READ_PRIVATE} it cannot be verified that {address.channel} "
        f"exists, that the bot is in it, and that it is neither public nor shared: add them to the app and "
        f"install it again, or see for yourself"
    )


def _tell_absence(address: Address) -> str:
    return (
        f"{address.channel} is not among the channels that the bot sees: check {address.channel_setting}, "
        f"invite the bot if it is private, or give its id (C…), which can be looked at directly"
    )


def _tell(error: DeliveryError, address: Address) -> str:
    return str(error).removeprefix(f"{address}: ")


def _name_subject(address: Address) -> str:
    return f"receiver {address.name}"


def _take_name(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    return (clean_line(value, _NAME_CHARS) if isinstance(value, str) else "") or "(no name)"


def _take_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
