"""`notifier check`: every line is ok or says what to do, and the exit code says whether all is well."""

import asyncio
import re

from tests.e2e.conftest import BOT_TOKEN, LIVE, Result, Stage

LINE = re.compile(r"(ok|WARN|FAIL) +[^:]+: .{10,}")


def _list_lines(result: Result, mark: str) -> list[str]:
    """Return the lines with a mark; every line must have one."""
    lines = result.out.splitlines()
    assert lines
    for line in lines:
        assert LINE.match(line), line
    return [line for line in lines if line.startswith(mark)]


async def test_all_is_well(stage: Stage) -> None:
    """Where everything works nothing must fail, and the test message arrive."""
    stage.ask()
    offline, sending = await asyncio.gather(stage.run("check", "--offline"), stage.run("check", "--send"))
    for result in (offline, sending):
        assert (result.code, result.err) == (0, "")
        assert _list_lines(result, "FAIL") == []
    assert "receiver" not in offline.out
    assert "access token" not in offline.out
    assert len(stage.slack.messages("sales")) == 1
    assert "test message" in stage.say()[0]
    assert any("token" in line for line in _list_lines(sending, "ok"))
    assert sum("receiver sales" in line for line in _list_lines(sending, "ok")) >= 3


async def test_whoever_could_read_the_links_is_warned_of(stage: Stage) -> None:
    """A public or shared channel, a name never seen and a webhook must be warned of, and nothing posted."""
    stage.ask()
    stage.slack.add_channel("public")
    shared = stage.slack.add_channel("shared", is_private=True, is_ext_shared=True)
    webhook = stage.slack.add_webhook("oncall")
    result = await stage.run(
        "check",
        DINTERO__CONNECTIONS='["vipps", "vips"]',
        RECEIVERS__SALES__CHANNEL="#public",
        RECEIVERS__SHARED__KIND="slack",
        RECEIVERS__SHARED__CHANNEL=shared.id,
        RECEIVERS__ONCALL__KIND="slack_webhook",
        RECEIVERS__ONCALL__URL=stage.slack.webhook_url(webhook),
    )
    assert result.code == 0
    warnings = "\n".join(_list_lines(result, "WARN"))
    for words in ("vips", "public", "shared", "receiver oncall"):
        assert words in warnings, words
    assert not stage.slack.posts


async def test_everything_wrong_is_told_in_one_go(stage: Stage) -> None:
    """Each thing that cannot work must be a FAIL with what to mend, even on a terminal for ASCII only."""
    stage.env["PYTHONIOENCODING"] = "ascii"
    stage.slack.add_channel("archived", is_archived=True)
    webhook = stage.slack.add_webhook("oncall")
    stage.slack.remove_webhook(webhook)
    stage.slack.refuse_token("xoxb-5-5-canaryold")
    stage.dintero.credentials.add_client("weak", "canary-weak-secret", "P55555555", scopes=())
    result = await stage.run(
        "check",
        "--send",
        DINTERO__CLIENT_ID="nobody",
        STORE__URL="sqlite:///no/such/folder/notifier.db",
        RECEIVERS__SALES__CHANNEL="#archived",
        RECEIVERS__OLD__KIND="slack",
        RECEIVERS__OLD__CHANNEL="#sales",
        RECEIVERS__OLD__BOT_TOKEN="xoxb-5-5-canaryold",
        RECEIVERS__HOOK__KIND="slack_webhook",
        RECEIVERS__HOOK__URL=stage.slack.webhook_url(webhook),
    )
    assert result.code == 1
    failures = _list_lines(result, "FAIL")
    for words in (
        ("store", "folder", "does not exist"),
        ("access token", "NOTIFIER_DINTERO__CLIENT_SECRET"),
        ("receiver sales", "unarchive"),
        ("receiver old", "NOTIFIER_RECEIVERS__OLD__BOT_TOKEN"),
        ("receiver hook", "NOTIFIER_RECEIVERS__HOOK__URL"),
    ):
        assert any(all(word in line for word in words) for line in failures), (words, failures)
    assert len(stage.slack.messages("sales")) == 0


async def test_accounts_that_cannot_be_read_are_named(stage: Stage) -> None:
    """An account that is unknown, and one of somebody else's, must each be a FAIL that names it."""
    stage.ask()
    stage.dintero.add_account("P77777777", partner_id="P99900000")
    result = await stage.run(
        "check", DINTERO__DISCOVER="", DINTERO__ACCOUNTS=f'["{LIVE}", "P88888888", "P77777777"]'
    )
    assert result.code == 1
    failures = _list_lines(result, "FAIL")
    assert len(failures) == 2
    assert "P88888888" in failures[0]
    assert "P77777777" in failures[1]
    assert BOT_TOKEN not in result.out


async def test_a_channel_that_is_named_in_two_ways_is_warned_of(stage: Stage) -> None:
    """Two receivers that lead to one channel must be warned of: each keeps its pace by itself."""
    stage.ask()
    channel = stage.slack.channel("sales")
    second = {"RECEIVERS__SECOND__KIND": "slack", "RECEIVERS__SALES__CHANNEL": "#sales"}
    one, other = await asyncio.gather(
        stage.run("check", RECEIVERS__SECOND__CHANNEL=channel.id, **second),
        stage.run("check", RECEIVERS__SECOND__CHANNEL="sales", **second),
    )
    (line,) = [line for line in _list_lines(one, "WARN") if "under different names" in line]
    assert "sales and second" in line
    assert channel.id in line
    assert "under different names" not in other.out
