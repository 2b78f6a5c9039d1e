"""Reading channels and history back from the sandbox's Slack."""

import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from notifier.sandbox import Bot, SandboxSlack

from .conftest import Time

METADATA = {"event_type": "notification", "event_payload": {"id": "n-1"}}


@pytest.fixture
def stamps(slack: SandboxSlack, bot: Bot, time: Time) -> list[str]:
    """Post ten messages a second apart and give their ts."""
    channel = slack.channel("sales")
    posted = []
    for number in range(10):
        posted.append(slack.post(channel, bot, text=str(number)).ts)
        time.move(1)
    return posted


@pytest.fixture
def sales(slack: SandboxSlack) -> str:
    """Give the channel's id."""
    return slack.channel("sales").id


async def test_history_is_newest_first_in_pages(
    client: AsyncWebClient, stamps: list[str], sales: str
) -> None:
    """Following the cursor visits every message once, the newest first."""
    found: list[str] = []
    cursor = None
    while True:
        page = await client.conversations_history(channel=sales, limit=3, cursor=cursor)
        found += [message["ts"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        assert page["has_more"] is bool(cursor)
        if not cursor:
            break
    assert found == stamps[::-1]


@pytest.mark.parametrize(("is_inclusive", "expected"), [(True, slice(2, 6)), (False, slice(3, 5))])
async def test_history_between(
    client: AsyncWebClient, stamps: list[str], sales: str, is_inclusive: bool, expected: slice
) -> None:
    """`oldest` and `latest` bound the messages, and count themselves only if inclusive."""
    page = await client.conversations_history(
        channel=sales, oldest=stamps[2], latest=stamps[5], inclusive=is_inclusive
    )
    assert [message["ts"] for message in page["messages"]] == stamps[expected][::-1]


async def test_metadata_only_on_request(client: AsyncWebClient, slack: SandboxSlack, bot: Bot) -> None:
    """History carries metadata only with include_all_metadata."""
    channel = slack.channel("sales")
    slack.post(channel, bot, text="x", metadata=METADATA)
    (bare,) = (await client.conversations_history(channel=channel.id))["messages"]
    (full,) = (await client.conversations_history(channel=channel.id, include_all_metadata=True))["messages"]
    assert "metadata" not in bare
    assert full["metadata"] == METADATA
    assert (full["bot_id"], full["app_id"], full["user"]) == (bot.bot_id, bot.app_id, bot.user_id)


async def test_replies(client: AsyncWebClient, slack: SandboxSlack, bot: Bot) -> None:
    """Replies come after their root, oldest first; history shows only broadcast ones."""
    channel = slack.channel("sales")
    root = slack.post(channel, bot, text="root")
    first = slack.post(channel, bot, text="1", thread_ts=root.ts, metadata=METADATA)
    loud = slack.post(channel, bot, text="2", thread_ts=root.ts, is_broadcast=True)
    answer = await client.conversations_replies(channel=channel.id, ts=root.ts, include_all_metadata=True)
    shown_root, shown_first, shown_loud = answer["messages"]
    assert [message["ts"] for message in answer["messages"]] == [root.ts, first.ts, loud.ts]
    assert (shown_root["reply_count"], shown_root["latest_reply"]) == (2, loud.ts)
    assert shown_first["metadata"] == METADATA
    assert shown_loud["subtype"] == "thread_broadcast"
    history = await client.conversations_history(channel=channel.id)
    assert [message["ts"] for message in history["messages"]] == [loud.ts, root.ts]


async def test_replies_in_pages_repeat_the_root(
    client: AsyncWebClient, slack: SandboxSlack, bot: Bot
) -> None:
    """Every page of replies begins with the root, whatever `oldest` says."""
    channel = slack.channel("sales")
    root = slack.post(channel, bot, text="root")
    replies = [slack.post(channel, bot, text=str(number), thread_ts=root.ts).ts for number in range(5)]
    found = []
    cursor = None
    for _ in range(2):
        page = await client.conversations_replies(
            channel=channel.id, ts=root.ts, oldest=replies[0], limit=2, cursor=cursor
        )
        assert page["messages"][0]["ts"] == root.ts
        found += [message["ts"] for message in page["messages"][1:]]
        cursor = page["response_metadata"]["next_cursor"]
    assert found == replies[1:]
    assert cursor == ""


async def test_late_history(client: AsyncWebClient, slack: SandboxSlack, bot: Bot, time: Time) -> None:
    """History and replies show a message only after the delay that was set."""
    slack.history_delay_seconds = 5
    channel = slack.channel("sales")
    root = slack.post(channel, bot, text="root")
    assert (await client.conversations_history(channel=channel.id))["messages"] == []
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.conversations_replies(channel=channel.id, ts=root.ts)
    time.move(5)
    slack.post(channel, bot, text="reply", thread_ts=root.ts)
    assert len((await client.conversations_history(channel=channel.id))["messages"]) == 1
    assert len((await client.conversations_replies(channel=channel.id, ts=root.ts))["messages"]) == 1


async def test_channel_info(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """conversations.info tells what a check must know of a channel."""
    shared = slack.add_channel("shared", is_ext_shared=True, is_private=True)
    info = (await client.conversations_info(channel=shared.id))["channel"]
    assert (info["name"], info["is_private"], info["is_ext_shared"], info["is_member"]) == (
        "shared",
        True,
        True,
        True,
    )
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.conversations_info(channel="shared")


async def test_channel_list(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """conversations.list pages through the channels of the asked types."""
    slack.add_channel("old", is_archived=True)
    slack.add_channel("secret", is_private=True)
    slack.add_channel("foreign", is_private=True, members=())
    names = []
    cursor = None
    while cursor != "":
        page = await client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1, cursor=cursor
        )
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
    assert names == ["sales", "secret"]
    public = await client.conversations_list()
    assert [channel["name"] for channel in public["channels"]] == ["sales", "old"]


@pytest.mark.parametrize(
    ("scopes", "is_private", "needed"),
    [(["chat:write"], False, "channels:history"), (["channels:history"], True, "groups:history")],
)
async def test_history_needs_its_scope(
    slack: SandboxSlack, http: ClientSession, scopes: list[str], is_private: bool, needed: str
) -> None:
    """Public and private history each need their own scope, which the answer names."""
    bot = slack.add_bot(scopes=scopes)
    channel = slack.add_channel("here", is_private=is_private)
    client = AsyncWebClient(token=bot.token, base_url=slack.base_url, session=http, retry_handlers=[])
    with pytest.raises(SlackApiError) as raised:
        await client.conversations_history(channel=channel.id)
    assert (raised.value.response["error"], raised.value.response["needed"]) == ("missing_scope", needed)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"cursor": "nonsense!"}, "invalid_cursor"),
        ({"limit": "0"}, "invalid_limit"),
        ({"limit": "x"}, "invalid_arguments"),
        ({"oldest": "x"}, "invalid_arguments"),
    ],
)
async def test_bad_arguments(
    client: AsyncWebClient, stamps: list[str], sales: str, arguments: dict[str, str], error: str
) -> None:
    """Nonsense in cursor, limit and times is refused by name."""
    with pytest.raises(SlackApiError, match=error):
        await client.api_call("conversations.history", params={"channel": sales, **arguments})
