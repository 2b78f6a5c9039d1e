"""What `notifier check` says of a Slack receiver."""

import aiohttp
import pytest

from notifier.domain.delivery import Finding, Level
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.sandbox import SandboxSlack, answer, html, reset
from notifier.service.ports import Receiver
from tests.contract.receivers.conftest import TOKEN, Stand


async def find(receiver: Receiver, *, sends: bool = False) -> list[Finding]:
    """Return all findings."""
    return [finding async for finding in receiver.check(sends=sends)]


def make_bot(
    slack: SandboxSlack, session: aiohttp.ClientSession, channel: str, token: str = TOKEN
) -> SlackBotReceiver:
    """Return a bot receiver for a channel."""
    return SlackBotReceiver("sales", token, channel, slack.base_url, session)


def has(findings: list[Finding], level: Level, words: str) -> bool:
    """Whether one of the findings has a level and holds these words."""
    return any(finding.level is level and words in finding.sentence for finding in findings)


async def test_sound_receiver_has_no_problem_and_posts_nothing(slack_stand: Stand) -> None:
    """Looking must not post, and must say which guarantee holds."""
    findings = await find(slack_stand.receiver)
    assert {finding.subject for finding in findings} == {"receiver sales"}
    assert not [finding for finding in findings if finding.level is Level.PROBLEM]
    is_bot = isinstance(slack_stand.receiver, SlackBotReceiver)
    assert has(findings, Level.OK, "exactly once" if is_bot else "at least once")
    assert slack_stand.slack.messages("sales") == []


async def test_test_message_says_that_it_is_one(slack_stand: Stand) -> None:
    """`--send` must post one message, marked as a test."""
    assert has(await find(slack_stand.receiver, sends=True), Level.OK, "test message was posted")
    (message,) = slack_stand.slack.messages("sales")
    assert "TEST" in message.text


async def test_test_message_that_fails_is_a_problem(slack_stand: Stand) -> None:
    """A message that is not confirmed must be reported with the reason, by either kind."""
    slack_stand.slack.channel("sales").is_archived = True
    assert has(await find(slack_stand.receiver, sends=True), Level.PROBLEM, "archived")


@pytest.mark.parametrize("channel", ["C0SALES01", "#sales", "sales"])
async def test_private_channel_is_fine(
    slack: SandboxSlack, session: aiohttp.ClientSession, channel: str
) -> None:
    """A private channel with the bot in it needs nothing, by id and by name."""
    findings = await find(make_bot(slack, session, channel))
    assert {finding.level for finding in findings} == {Level.OK}
    assert has(findings, Level.OK, "@")


async def test_wrong_token_names_the_setting(slack: SandboxSlack, session: aiohttp.ClientSession) -> None:
    """A token that Slack refuses must be the only finding, with the setting that holds it."""
    (finding,) = await find(make_bot(slack, session, "#sales", "xoxb-wrong"), sends=True)
    assert finding.level is Level.PROBLEM
    assert "invalid_auth" in finding.sentence
    assert "NOTIFIER_SLACK__BOT_TOKEN" in finding.sentence


async def test_missing_scopes_are_named(slack: SandboxSlack, session: aiohttp.ClientSession) -> None:
    """Each scope that the job takes must be missed by name."""
    slack.add_bot("poor", token="xoxb-poor", scopes=("users:read",))
    findings = await find(make_bot(slack, session, "C0SALES01", "xoxb-poor"))
    assert has(findings, Level.PROBLEM, "chat:write")
    assert has(findings, Level.WARNING, "channels:history")
    assert has(findings, Level.WARNING, "cannot be verified")


@pytest.mark.parametrize("channel", ["C0OPEN001", "#open"])
async def test_wide_audience_is_a_warning(
    slack: SandboxSlack, session: aiohttp.ClientSession, channel: str
) -> None:
    """Links must not go to a public or shared channel without a word."""
    slack.add_channel("open", channel_id="C0OPEN001", is_ext_shared=True)
    findings = await find(make_bot(slack, session, channel))
    assert has(findings, Level.WARNING, "is public")
    assert has(findings, Level.WARNING, "is shared with another")


async def test_channel_without_the_bot_is_a_problem(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    """The bot must be invited where it may not post without."""
    slack.add_bot("guest", token="xoxb-guest", scopes=("chat:write", "channels:read", "groups:read"))
    slack.add_channel("closed", channel_id="C0CLOSED1", members=())
    assert has(await find(make_bot(slack, session, "C0CLOSED1", "xoxb-guest")), Level.PROBLEM, "/invite @")


async def test_archived_and_absent_channels_are_problems(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    """A channel that takes nothing must be reported with what to do."""
    slack.add_channel("old", channel_id="C0OLD0001", is_archived=True)
    assert has(await find(make_bot(slack, session, "C0OLD0001")), Level.PROBLEM, "archived")
    assert has(await find(make_bot(slack, session, "C0NOWHERE")), Level.PROBLEM, "NOTIFIER_SLACK__CHANNEL")
    assert has(await find(make_bot(slack, session, "#nowhere")), Level.WARNING, "not among the channels")


async def test_slack_that_is_broken_is_a_problem(slack: SandboxSlack, session: aiohttp.ClientSession) -> None:
    """No answer of Slack's may raise out of a check."""
    for fault in (answer(500), html(), reset(), answer(429)):
        for method in ("auth.test", "conversations.info"):
            slack.faults.clear()
            slack.faults.add(fault.on("*", method, times=2))
            findings = await find(make_bot(slack, session, "C0SALES01"))
            assert {finding.level for finding in findings} & {Level.WARNING, Level.PROBLEM}


async def test_a_mention_of_a_group_that_is_none_is_a_problem(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    """A user group that Slack does not know must be named, also one of an escalation; a known one is fine."""
    slack.usergroups["S0ONCALL"] = "oncall"
    receiver = SlackBotReceiver(
        "sales", TOKEN, "#sales", slack.base_url, session, mention="S0ONCALL", other_mentions=("S0GONE",)
    )
    assert has(await find(receiver), Level.PROBLEM, "no user group S0GONE")
    slack.usergroups["S0GONE"] = "gone"
    assert has(await find(receiver), Level.OK, "user groups that are mentioned exist")


async def test_a_group_that_cannot_be_looked_up_is_a_warning(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    """Without the scope to list groups, check must say so and fail nothing."""
    bot = slack.add_bot(
        "small", token="xoxb-9-9-small", scopes=("chat:write", "groups:read", "groups:history")
    )
    slack.channel("sales").members.add(bot.bot_id)
    receiver = SlackBotReceiver(
        "sales", "xoxb-9-9-small", "#sales", slack.base_url, session, mention="S0ONCALL"
    )
    assert has(await find(receiver), Level.WARNING, "cannot be verified")
