"""What `notifier check` can find out about a Slack receiver, and what to do about it.

Sources: docs.slack.dev, `auth.test`, `conversations.info`, `conversations.list` (errors, `x-oauth-scopes`),
read 2026-08.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from notifier.domain.delivery import Finding, Guarantee, Level, Receipt
from notifier.domain.message import Message, Mood, Outside
from notifier.errors import DeliveryError, DeliveryRejected
from notifier.receivers.slack.access import READ_PRIVATE, READ_PUBLIC, judge_channel, judge_scopes
from notifier.receivers.slack.answers import Address, Answer, read_api
from notifier.receivers.slack.client import WebApi
from notifier.receivers.slack.text import clean_line

Send = Callable[[Message], Awaitable[Receipt]]
"""Sends one message through the receiver that is checked."""

TEST_MESSAGE: Final = Message(
    notification_id="check",
    topic="check",
    mood=Mood.NEUTRAL,
    headline="This is a test message of dintero-notifier",
    account_id="",
    connection=Outside(""),
    is_test=True,
    advice="It shows that messages arrive here. There is nothing to do.",
)

_MAX_PAGES: Final = 10
_PAGE_SIZE: Final = 1_000
_NAME_CHARS: Final = 80
_GUARANTEE: Final = (
    f"{Guarantee.AT_LEAST_ONCE}: after an unclear answer a message is sent again, so it may double"
)


async def check_webhook(address: Address, send: Send, *, sends: bool) -> AsyncIterator[Finding]:
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
    yield Finding(Level.OK, subject, _GUARANTEE)
    if sends:
        yield await _send_test(address, send)


async def check_bot(api: WebApi, address: Address, send: Send, *, sends: bool) -> AsyncIterator[Finding]:
    """Say who the bot is, what it may do, and how its channel is; with `sends`, post the test message."""
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
    scopes = _read_scopes(answer)
    for level, sentence in judge_scopes(scopes):
        yield Finding(level, subject, sentence)
    async for finding in _check_channel(api, address, scopes, bot):
        yield finding
    yield Finding(Level.OK, subject, _GUARANTEE)
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
            channel = await _find_by_name(api, address, scopes)
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
        for level, sentence in judge_channel(channel, address, scopes, bot):
            yield Finding(level, subject, sentence)


async def _find_by_name(api: WebApi, address: Address, scopes: frozenset[str]) -> Mapping[str, object] | None:
    """Return the channel of a name among those that the bot sees, None where it is not among them.

    `conversations.info` takes ids only, so the list is walked, a bounded number of pages of it.
    """
    wanted = address.channel.removeprefix("#").lower()
    kinds = [("public_channel", READ_PUBLIC), ("private_channel", READ_PRIVATE)]
    types = ",".join(kind for kind, scope in kinds if not scopes or scope in scopes) or "public_channel"
    cursor = ""
    for _ in range(_MAX_PAGES):
        page = {"cursor": cursor} if cursor else {}
        body = read_api(await api.get("conversations.list", types=types, limit=_PAGE_SIZE, **page), address)
        channels = body.get("channels")
        for entry in channels if isinstance(channels, list) else []:
            channel = _take_mapping(entry)
            if channel.get("name") == wanted:
                return channel
        following = _take_mapping(body.get("response_metadata")).get("next_cursor")
        if not isinstance(following, str) or not following:
            return None
        cursor = following
    return None


async def _send_test(address: Address, send: Send) -> Finding:
    subject = _name_subject(address)
    try:
        await send(TEST_MESSAGE)
    except DeliveryError as error:
        return Finding(Level.PROBLEM, subject, f"the test message was not confirmed: {_tell(error, address)}")
    return Finding(Level.OK, subject, "a test message was posted")


def _read_scopes(answer: Answer) -> frozenset[str]:
    listed = answer.headers.get("x-oauth-scopes", "").split(",")
    return frozenset(scope.strip() for scope in listed if scope.strip())


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
