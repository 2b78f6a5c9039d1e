"""Whether a message stands in Slack: asked of the sandbox's Slack over real HTTP."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from notifier.domain.delivery import Form, Place
from notifier.domain.message import Message
from notifier.errors import DeliveryError, DeliveryRejected, DeliveryUnavailable, LookupImpossible
from notifier.receivers.slack import channels, lookup
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.sandbox import SandboxSlack, answer
from tests.contract.receivers.conftest import TOKEN, Stand
from tests.contract.receivers.test_slack_check import make_bot


def long_ago() -> datetime:
    """Return an instant before everything."""
    return datetime.now(UTC) - timedelta(minutes=5)


@pytest.mark.parametrize("channel", ["C0SALES01", "#sales"])
async def test_a_posted_message_is_found_by_its_notification(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message, channel: str
) -> None:
    """What was posted is found where it stands, by channel id and by channel name."""
    receiver = make_bot(slack, session, channel)
    receipt = await receiver.send(message, is_plain=False)
    assert await receiver.find(message.notification_id, long_ago()) == receipt
    assert await receiver.find("another", long_ago()) is None


async def test_a_message_of_somebody_else_is_not_believed(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message
) -> None:
    """A message with our metadata that another bot has posted proves nothing."""
    forger = slack.add_bot("Forger")
    await make_bot(slack, session, "C0SALES01", forger.token).send(message, is_plain=False)
    assert await make_bot(slack, session, "C0SALES01").find(message.notification_id, long_ago()) is None


async def test_every_page_since_the_attempt_is_looked_through(
    slack: SandboxSlack,
    session: aiohttp.ClientSession,
    message: Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message behind many others is found; one behind more than can be read is no proof of absence."""
    monkeypatch.setattr(lookup, "PAGE_SIZE", 3)
    receiver = make_bot(slack, session, "C0SALES01")
    receipt = await receiver.send(message, is_plain=False)
    bot = slack.bot_of_token(TOKEN)
    assert bot is not None
    for number in range(10):
        slack.post(slack.channel("sales"), bot, text=f"other {number}")
    assert await receiver.find(message.notification_id, long_ago()) == receipt
    monkeypatch.setattr(lookup, "MAX_PAGES", 2)
    with pytest.raises(LookupImpossible, match="messages were posted since"):
        await receiver.find(message.notification_id, long_ago())


@pytest.mark.parametrize("scopes", [("chat:write",), ("chat:write", "channels:read")])
async def test_without_the_scope_it_cannot_be_asked(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message, scopes: tuple[str, ...]
) -> None:
    """A bot that may not read history says so, with the scope that is missing."""
    bot = slack.add_bot("Poor", token="xoxb-poor", scopes=scopes)
    slack.channel("sales").members.add(bot.bot_id)
    receiver = make_bot(slack, session, "C0SALES01", "xoxb-poor")
    with pytest.raises(LookupImpossible, match="history"):
        await receiver.find(message.notification_id, long_ago())


async def test_a_look_that_fails_for_now_is_no_answer(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message
) -> None:
    """An error of Slack's while looking is neither absence nor impossibility."""
    receiver = make_bot(slack, session, "C0SALES01")
    await receiver.prepare()
    for fault in (answer(429, retry_after_seconds=1), answer(500), answer(503)):
        slack.faults.add(fault.on(path="conversations.history"))
        with pytest.raises(DeliveryError) as caught:
            await receiver.find(message.notification_id, long_ago())
        assert not isinstance(caught.value, LookupImpossible)


@pytest.mark.parametrize(
    "page",
    [
        {"ok": True},
        {"ok": True, "messages": None},
        {"ok": True, "messages": [], "has_more": True},
        {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": ""}},
    ],
)
async def test_half_a_history_is_no_answer(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message, page: dict[str, object]
) -> None:
    """A page without messages, or one that says there is more but not where, proves no absence."""
    receiver = make_bot(slack, session, "C0SALES01")
    receipt = await receiver.send(message, is_plain=False)
    slack.faults.add(answer(200, body=page).on(path="conversations.history"))
    with pytest.raises(DeliveryUnavailable, match="Slack's history"):
        await receiver.find(message.notification_id, long_ago())
    assert await receiver.find(message.notification_id, long_ago()) == receipt


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "channels": None}, {"ok": True, "channels": {}}])
async def test_a_list_without_channels_is_no_proof_that_the_channel_is_gone(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message, body: dict[str, object]
) -> None:
    """A list of channels that came without channels is asked for again; nothing is sent again for it."""
    receiver = make_bot(slack, session, "#sales")
    receipt = await receiver.send(message, is_plain=False)
    slack.faults.add(answer(200, body=body).on(path="conversations.list"))
    with pytest.raises(DeliveryUnavailable, match="without channels in it"):
        await receiver.find(message.notification_id, long_ago())
    assert await receiver.find(message.notification_id, long_ago()) == receipt


async def test_a_channel_on_a_later_page_is_found_by_its_name(
    slack: SandboxSlack,
    session: aiohttp.ClientSession,
    message: Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list is walked on; a channel behind more pages than are walked cannot be asked."""
    monkeypatch.setattr(channels, "PAGE_SIZE", 2)
    for number in range(5):
        slack.add_channel(f"a-{number}")
    slack.add_channel("later")
    receiver = make_bot(slack, session, "#later")
    receipt = await receiver.send(message, is_plain=False)
    assert await receiver.find(message.notification_id, long_ago()) == receipt
    monkeypatch.setattr(channels, "MAX_PAGES", 2)
    with pytest.raises(LookupImpossible, match="give its id in NOTIFIER_SLACK__CHANNEL"):
        await make_bot(slack, session, "#later").find(message.notification_id, long_ago())


async def test_a_webhook_cannot_be_asked(hasty_stand: Stand, message: Message) -> None:
    """What keeps no history says so; a bot answers."""
    if isinstance(hasty_stand.receiver, SlackBotReceiver):
        assert await hasty_stand.receiver.find(message.notification_id, long_ago()) is None
        return
    with pytest.raises(LookupImpossible, match="cannot be asked"):
        await hasty_stand.receiver.find(message.notification_id, long_ago())


async def test_the_time_there_is_judged_by_slacks_own_date(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    """Before the first answer nothing is known of Slack's clock; after it, the clock goes on by itself."""
    receiver = make_bot(slack, session, "C0SALES01")
    assert receiver.now_there() is None
    await receiver.prepare()
    there = receiver.now_there()
    assert there is not None
    assert abs(there - datetime.now(UTC)) < timedelta(seconds=3)


async def test_a_reply_is_looked_for_in_its_thread(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message
) -> None:
    """A reply must be found in its thread, and in the channel only if it was shown there."""
    receiver = make_bot(slack, session, "C0SALES01")
    root = await receiver.send(message, is_plain=False)
    for number, is_broadcast in enumerate((False, True)):
        reply = message._replace(notification_id=f"reply-{number}")
        place = Place(Form.REPLY, root.channel, root.message_ref, is_broadcast)
        sent = await receiver.send(reply, place, is_plain=False)
        assert await receiver.find(reply.notification_id, long_ago(), place) == sent
        assert (await receiver.find(reply.notification_id, long_ago()) is not None) == is_broadcast
    stands = slack.messages("sales")
    assert [one.thread_ts for one in stands] == [None, root.message_ref, root.message_ref]
    assert [one.is_broadcast for one in stands] == [False, False, True]


async def test_an_update_takes_the_place_of_a_message_and_leaves_its_metadata(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message
) -> None:
    """An update must change the message where it stands, and leave what it is found by."""
    receiver = make_bot(slack, session, "C0SALES01")
    root = await receiver.send(message, is_plain=False)
    place = Place(Form.UPDATE, root.channel, root.message_ref)
    later = message._replace(notification_id="later", headline="Now it is another")
    assert await receiver.send(later, place, is_plain=False) == root
    (stands,) = slack.messages("sales")
    assert "Now it is another" in stands.shown_text
    assert await receiver.find(message.notification_id, long_ago()) == root
    await receiver.send(later, place, is_plain=True)
    assert slack.messages("sales")[0].blocks == []


@pytest.mark.parametrize("form", [Form.UPDATE, Form.REPLY])
async def test_a_card_in_a_channel_of_before_holds_nothing_up(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message, form: Form
) -> None:
    """Where a channel was archived and made anew, an old card is gone, and the receiver is not."""
    receiver = make_bot(slack, session, "#sales")
    root = await receiver.send(message, is_plain=False)
    old = slack.channel("sales")
    old.is_archived = True
    place = Place(form, root.channel, root.message_ref)
    with pytest.raises(DeliveryRejected) as caught:
        await receiver.send(message, place, is_plain=False)
    assert caught.value.scope == "receiver"
    old.name = "sales-old"
    slack.add_channel("sales", is_private=True, members=tuple(slack.bots.values()))
    with pytest.raises(DeliveryRejected) as caught:
        await receiver.send(message, place, is_plain=False)
    assert caught.value.scope == "root"
    await receiver.send(message, is_plain=False)


async def test_a_message_that_is_gone_is_told_from_a_fault_of_the_receiver(
    slack: SandboxSlack, session: aiohttp.ClientSession, message: Message
) -> None:
    """An update of what somebody has deleted must say so: it is posted anew then."""
    receiver = make_bot(slack, session, "C0SALES01")
    with pytest.raises(DeliveryRejected) as caught:
        await receiver.send(message, Place(Form.UPDATE, "C0SALES01", "1700000000.000100"), is_plain=False)
    assert caught.value.scope == "root"
