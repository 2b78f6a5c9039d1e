"""The sandbox's Slack, posted to by slack_sdk as the notifier does."""

import json

import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from notifier.sandbox import Bot, SandboxSlack

from .conftest import Time

METADATA = {"event_type": "notification", "event_payload": {"id": "n-1"}}


async def error_of(client: AsyncWebClient, method: str, **arguments: object) -> dict[str, object]:
    """Call a method that must be refused and return the answer."""
    with pytest.raises(SlackApiError) as raised:
        await client.api_call(method, json=arguments)
    data = raised.value.response.data
    assert isinstance(data, dict)
    return data


async def test_auth_test(client: AsyncWebClient, bot: Bot, slack: SandboxSlack, time: Time) -> None:
    """auth.test says whose token it is, and its headers carry scopes and Slack's time."""
    answer = await client.auth_test()
    assert (answer["bot_id"], answer["user_id"]) == (bot.bot_id, bot.user_id)
    assert set(answer.headers["X-OAuth-Scopes"].split(",")) == set(bot.scopes)
    assert answer.headers["Date"] == "Tue, 12 May 2026 08:00:00 GMT"
    time.move(60)
    assert (await client.auth_test()).headers["Date"] == "Tue, 12 May 2026 08:01:00 GMT"
    assert slack.counts["auth.test"] == 2


async def test_post_and_read_back(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """A posted message stands in the channel as it was sent, with its metadata."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}]
    answer = await client.chat_postMessage(
        channel="#sales", text="hello", blocks=blocks, metadata=METADATA, unfurl_links=False
    )
    (message,) = slack.messages("sales")
    assert answer["channel"] == slack.channel("sales").id == message.channel_id
    assert answer["ts"] == message.ts
    assert (message.text, message.blocks, message.metadata) == ("hello", blocks, METADATA)
    assert message.unfurl_links is False
    assert message.shown_text == "*hello*"


async def test_form_arguments(slack: SandboxSlack, bot: Bot, http: ClientSession) -> None:
    """A form with the token and JSON texts does the same as a JSON body."""
    form = {"token": bot.token, "channel": "sales", "text": "hi", "metadata": json.dumps(METADATA)}
    async with http.post(f"{slack.base_url}chat.postMessage", data=form) as response:
        assert (await response.json())["ok"] is True
    assert slack.messages("sales")[0].metadata == METADATA


async def test_ts_always_grows(client: AsyncWebClient, slack: SandboxSlack, time: Time) -> None:
    """Messages of the same moment, and of a clock that jumps back, have growing ts."""
    for seconds in (0.0, 0.0, -5.0):
        time.move(seconds)
        await client.chat_postMessage(channel="sales", text="x")
    stamps = [message.ts for message in slack.messages("sales")]
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 3


async def test_threads(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """A reply joins its root's thread, and only a broadcast one shows in the channel."""
    root = await client.chat_postMessage(channel="sales", text="root")
    reply = await client.chat_postMessage(channel="sales", text="reply", thread_ts=root["ts"])
    await client.chat_postMessage(channel="sales", text="loud", thread_ts=reply["ts"], reply_broadcast=True)
    assert [
        (message.text, message.thread_ts, message.is_in_channel) for message in slack.messages("sales")
    ] == [
        ("root", None, True),
        ("reply", root["ts"], False),
        ("loud", root["ts"], True),
    ]


async def test_update(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """Text without blocks removes the blocks; metadata stays unless it is given."""
    blocks = [{"type": "divider"}]
    posted = await client.chat_postMessage(channel="sales", text="a", blocks=blocks, metadata=METADATA)
    answer = await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="b")
    (message,) = slack.messages("sales")
    assert (message.text, message.blocks, message.metadata) == ("b", [], METADATA)
    assert message.edited_ts is not None
    assert answer["message"]["edited"]["ts"] == message.edited_ts
    assert message.edits == 1


async def test_update_is_refused(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """Only one's own message that exists, named by the channel's id, can be edited."""
    other = slack.add_bot("Other")
    posted = slack.post(slack.channel("sales"), other, text="theirs")
    channel = posted.channel_id
    for arguments, error in (
        ({"channel": channel, "ts": "1.0", "text": "x"}, "message_not_found"),
        ({"channel": channel, "ts": posted.ts, "text": "x"}, "cant_update_message"),
        ({"channel": "sales", "ts": posted.ts, "text": "x"}, "channel_not_found"),
    ):
        assert (await error_of(client, "chat.update", **arguments))["error"] == error


async def test_deleted_message_cannot_be_edited(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """A message that somebody deleted is gone for chat.update."""
    posted = await client.chat_postMessage(channel="sales", text="a")
    slack.delete("sales", posted["ts"])
    answer = await error_of(client, "chat.update", channel=posted["channel"], ts=posted["ts"], text="b")
    assert answer["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "old", "text": "x"}, "is_archived"),
        ({"channel": "secret", "text": "x"}, "channel_not_found"),
        ({"channel": "quiet", "text": "x"}, "restricted_action"),
        ({"channel": "sales"}, "no_text"),
        ({"channel": "sales", "blocks": []}, "no_text"),
        ({"channel": "sales", "text": "x", "blocks": "[nonsense"}, "invalid_blocks_format"),
        ({"channel": "sales", "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
        ({"channel": "sales", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        (
            {
                "channel": "sales",
                "text": "x",
                "metadata": {"event_type": "x", "event_payload": {"a": "b" * 8000}},
            },
            "metadata_too_large",
        ),
        (
            {
                "channel": "sales",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 5,
            },
            "msg_blocks_too_long",
        ),
    ],
)
async def test_post_is_refused(
    client: AsyncWebClient, slack: SandboxSlack, arguments: dict[str, object], error: str
) -> None:
    """What Slack refuses is refused with Slack's error, and nothing is posted."""
    slack.add_channel("old", is_archived=True)
    slack.add_channel("secret", is_private=True, members=())
    slack.add_channel("quiet").is_restricted = True
    assert (await error_of(client, "chat.postMessage", **arguments))["error"] == error
    assert all(not channel.messages for channel in slack.channels.values())
    assert slack.posts[-1].error == error


async def test_invalid_blocks_say_why(client: AsyncWebClient) -> None:
    """invalid_blocks carries messages that point at the mistake."""
    answer = await error_of(client, "chat.postMessage", channel="sales", blocks=[{"type": "header"}])
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"] == {
        "messages": ["[ERROR] missing required field: text [json-pointer:/blocks/0]"]
    }


async def test_long_text_is_truncated(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """Text beyond 40,000 characters is cut when posted and refused when edited."""
    posted = await client.chat_postMessage(channel="sales", text="x" * 40_001)
    assert len(slack.messages("sales")[0].text) == 40_000
    answer = await error_of(
        client, "chat.update", channel=posted["channel"], ts=posted["ts"], text="x" * 40_001
    )
    assert answer["error"] == "msg_too_long"


async def test_membership(slack: SandboxSlack, http: ClientSession) -> None:
    """Without chat:write.public a bot posts only where it is a member."""
    bot = slack.add_bot(scopes=["chat:write"])
    slack.add_channel("public", members=())
    client = AsyncWebClient(token=bot.token, base_url=slack.base_url, session=http, retry_handlers=[])
    assert (await error_of(client, "chat.postMessage", channel="public", text="x"))[
        "error"
    ] == "not_in_channel"
    answer = await error_of(client, "conversations.info", channel="C000000002")
    assert answer == {
        "ok": False,
        "error": "missing_scope",
        "needed": "channels:read",
        "provided": "chat:write",
    }


async def test_tokens(slack: SandboxSlack, client: AsyncWebClient, bot: Bot, http: ClientSession) -> None:
    """A missing, unknown or revoked token is refused by name."""
    for token, error in ((None, "not_authed"), ("xoxb-wrong", "invalid_auth")):
        other = AsyncWebClient(token=token, base_url=slack.base_url, session=http, retry_handlers=[])
        assert (await error_of(other, "auth.test"))["error"] == error
    slack.refuse_token(bot.token, "account_inactive")
    assert (await error_of(client, "auth.test"))["error"] == "account_inactive"
    slack.accept_token(bot.token)
    assert (await client.auth_test())["ok"]


async def test_rate_limit(client: AsyncWebClient, slack: SandboxSlack, time: Time) -> None:
    """Each channel takes so many messages a second and then says how long to wait."""
    slack.add_channel("oncall")
    slack.posts_per_second = 0.5
    await client.chat_postMessage(channel="sales", text="1")
    await client.chat_postMessage(channel="oncall", text="1")
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(channel="sales", text="2")
    assert raised.value.response.status_code == 429
    assert raised.value.response.headers["Retry-After"] == "2"
    assert raised.value.response["error"] == "ratelimited"
    time.move(2)
    await client.chat_postMessage(channel="sales", text="2")
    slack.limit_as_ok_false = True
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(channel="sales", text="3")
    assert raised.value.response.status_code == 200
    assert [post.error for post in slack.posts] == [None, None, "ratelimited", None, "ratelimited"]


async def test_burst(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """A burst is taken at once; only what comes after it must wait."""
    slack.posts_per_second, slack.burst = 1, 3
    for number in range(3):
        await client.chat_postMessage(channel="sales", text=str(number))
    assert (await error_of(client, "chat.postMessage", channel="sales", text="x"))["error"] == "ratelimited"


async def test_fail_on_demand(client: AsyncWebClient, slack: SandboxSlack) -> None:
    """Any error can be asked for by method, with or without the effect."""
    slack.fail("chat.postMessage", "fatal_error", after_effect=True)
    slack.fail("chat.postMessage", "team_added_to_org")
    for error in ("fatal_error", "team_added_to_org"):
        assert (await error_of(client, "chat.postMessage", channel="sales", text="x"))["error"] == error
    await client.chat_postMessage(channel="sales", text="x")
    assert len(slack.messages("sales")) == 2


async def test_unknown_method_and_api_test(client: AsyncWebClient) -> None:
    """An unknown method is refused by name; api.test echoes its arguments."""
    assert (await error_of(client, "chat.nonsense"))["error"] == "unknown_method"
    assert (await client.api_test(foo="bar"))["args"] == {"foo": "bar"}
    assert (await error_of(client, "api.test", error="my_error"))["error"] == "my_error"


async def test_permalink(client: AsyncWebClient, slack: SandboxSlack, http: ClientSession) -> None:
    """A permalink leads to the sandbox's own page."""
    posted = await client.chat_postMessage(channel="sales", text="x")
    answer = await client.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"])
    path = f"/archives/{posted['channel']}/p{posted['ts'].replace('.', '')}"
    assert answer["permalink"] == slack.url + path
    async with http.get(answer["permalink"]) as page:
        assert page.status == 200


async def test_posts_carry_arrival_times(client: AsyncWebClient, slack: SandboxSlack, time: Time) -> None:
    """Every request to post is kept with its body and the monotonic time it arrived."""
    time.move(5)
    posted = await client.chat_postMessage(channel="sales", text="x")
    time.move(5)
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="y")
    assert [(post.route, post.arrived_at, post.ts, post.body["text"]) for post in slack.posts] == [
        ("chat.postMessage", 5, posted["ts"], "x"),
        ("chat.update", 10, posted["ts"], "y"),
    ]
