"""`notifier run --once`: every way to say what is watched and who is told, and that nothing is said twice."""

import asyncio

import pytest

from tests.e2e.conftest import BOT_TOKEN, CLIENT_SECRET, LINK, LIVE, OWNER, TEST, Stage

ASKED = "Signature needed"
SIGNED = "Signed: the connection is enabled"


async def test_four_variables_and_a_webhook_are_enough(stage: Stage) -> None:
    """The short form by webhook must make its own store and post the link there and nowhere else, once."""
    stage.store.unlink()
    stage.dintero.credentials.add_client("shop", CLIENT_SECRET, LIVE)
    webhook = stage.slack.webhook_url(stage.slack.add_webhook("sales"))
    four = {
        "DINTERO__ACCOUNT_ID": LIVE,
        "DINTERO__CLIENT_ID": "shop",
        "DINTERO__CLIENT_SECRET": CLIENT_SECRET,
        "SLACK__WEBHOOK_URL": webhook,
    }
    outside = {"PATH", "PYTHONPATH", "NOTIFIER_DINTERO__BASE_URL"}
    stage.env = {name: text for name, text in stage.env.items() if name in outside}
    stage.ask()
    first = await stage.run("run", "--once", **four)
    assert (first.code, first.out, first.complaints) == (0, "", [])
    assert stage.say() == [ASKED]
    (message,) = stage.slack.messages("sales")
    assert LINK in message.shown_text
    assert {one.stat().st_mode & 0o077 for one in stage.store.parent.glob("notifier.db*")} == {0}
    second, status, letters = await asyncio.gather(
        stage.run("run", "--once", **four),
        stage.run("status", "--json", **four),
        stage.run("outbox", "list", "--all", "--json", **four),
    )
    assert [one.code for one in (second, status, letters)] == [0, 0, 0]
    assert stage.say() == [ASKED]


async def test_five_variables_and_a_bot_are_enough(stage: Stage) -> None:
    """The short form by bot token must post to its channel by name, and tell the outcome when it comes."""
    stage.dintero.credentials.add_client("shop", CLIENT_SECRET, LIVE)
    five = {
        "DINTERO__ACCOUNT_ID": LIVE,
        "DINTERO__CLIENT_ID": "shop",
        "DINTERO__CLIENT_SECRET": CLIENT_SECRET,
        "SLACK__BOT_TOKEN": BOT_TOKEN,
        "SLACK__CHANNEL": "#sales",
    }
    outside = {"PATH", "PYTHONPATH", "NOTIFIER_DINTERO__BASE_URL", "NOTIFIER_SLACK__BASE_URL"}
    stage.env = {name: text for name, text in stage.env.items() if name in outside}
    stage.ask()
    first = await stage.run("run", "--once", **five)
    stage.dintero.set_status(LIVE, "vipps", "enabled")
    second = await stage.run("run", "--once", **five)
    assert (first.code, second.code) == (0, 0)
    card, reply = stage.slack.messages("sales")
    assert stage.say() == [SIGNED, SIGNED]
    assert (card.edits, reply.thread_ts, reply.is_broadcast) == (1, card.ts, True)
    assert "canary-link" not in card.shown_text + reply.shown_text
    assert stage.say("oncall") == []


async def test_accounts_by_connections_read_nothing_else(stage: Stage) -> None:
    """Accounts with a list of names must be read one connection a request, and the others never be told."""
    for account_id in (LIVE, TEST):
        for name in ("vipps", "payex/creditcard", "klarna"):
            stage.ask(account_id, name)
    listed = {
        "DINTERO__DISCOVER": "",
        "DINTERO__ACCOUNTS": f'["{LIVE}", "{TEST}"]',
        "DINTERO__CONNECTIONS": '["vipps", "payex/creditcard", "brand-new.name"]',
    }
    first = await stage.run("run", "--once", **listed)
    assert first.code == 0, first.err
    assert sorted(stage.say()) == sorted([ASKED, f"TEST: {ASKED}"] * 2)
    assert stage.dintero.counts["connection"] == 6
    # 404 is normal for a merchant who has not applied; but is there such an account at all?
    assert stage.dintero.counts["settings"] + stage.dintero.counts["account"] == 2
    assert "klarna" not in "".join(one.shown_text for one in stage.slack.messages("sales"))
    stage.ask(LIVE, "brand-new.name")
    await stage.run("run", "--once", **listed)
    told = "".join(one.shown_text for one in stage.slack.messages("sales")[4:])
    assert "brand-new.name" in told


RECEIVERS = """
[sources.partner]
base_url = "{dintero}"
account_id = "{owner}"
client_id = "sandbox-client"
client_secret = "{secret}"
discover = true

[sources.shops]
base_url = "{dintero}"
account_id = "{owner}"
client_id = "sandbox-client"
client_secret = "{secret}"
accounts = ["{live}"]

[slack]
base_url = "{slack}"
bot_token = "{token}"

[receivers.sales]
kind = "slack"
channel = "#sales"
mention = "@channel"
pace_seconds = 0

[receivers.oncall]
kind = "slack_webhook"
url = "{webhook}"
mention = "@here"
pace_seconds = 0

[receivers.klarna-desk]
kind = "slack"
channel = "#klarna"
pace_seconds = 0

[[routes]]
connections = ["klarna"]
receivers = ["klarna-desk"]

[[routes]]
statuses = ["failed", "declined"]
receivers = ["oncall", "sales"]

[[routes]]
events = ["signature_required"]
receivers = ["sales"]
"""


async def test_two_sources_and_three_receivers_from_a_file(stage: Stage) -> None:
    """A file alone must do; what is reached in two ways is told once, and each receiver gets its own only."""
    stage.slack.add_channel("klarna", is_private=True)
    stage.configure(
        RECEIVERS.format(
            dintero=stage.dintero.base_url,
            slack=stage.slack.base_url,
            webhook=stage.slack.webhook_url(stage.slack.add_webhook("oncall")),
            owner=OWNER,
            secret=CLIENT_SECRET,
            live=LIVE,
            token=BOT_TOKEN,
        )
    )
    stage.env = {name: text for name, text in stage.env.items() if name in {"PATH", "PYTHONPATH"}}
    stage.ask(LIVE, "vipps")
    stage.ask(LIVE, "klarna")
    stage.ask(TEST, "vipps")
    first = await stage.run("run", "--once")
    assert first.code == 0, first.err
    assert sorted(stage.say()) == [ASKED, f"TEST: {ASKED}"]
    assert stage.say("klarna") == [ASKED]
    stage.dintero.set_status(LIVE, "vipps", "failed")
    stage.dintero.set_status(TEST, "vipps", "declined")
    second = await stage.run("run", "--once")
    assert second.code == 0, second.err
    declined = "TEST: The application was declined"
    assert sorted(stage.say()[2:]) == [declined, "The connection failed <!channel>"]
    assert sorted(stage.say("oncall")) == [declined, "The connection failed <!here>"]
    assert len(stage.say("klarna")) == 1


async def test_oncall_is_called_for_live_accounts_only(stage: Stage) -> None:
    """By default failures must go to oncall and sales, with the mention never for a test account."""
    receivers = {
        "RECEIVERS__ONCALL__KIND": "slack",
        "RECEIVERS__ONCALL__CHANNEL": "#oncall",
        "RECEIVERS__ONCALL__MENTION": "S0ONCALL",
        "RECEIVERS__ONCALL__PACE_SECONDS": "0",
    }
    stage.ask(LIVE)
    stage.ask(TEST)
    stage.dintero.set_status(LIVE, "vipps", "failed")
    stage.dintero.set_status(TEST, "vipps", "failed")
    result = await stage.run("run", "--once", **receivers)
    assert result.code == 0
    assert sorted(stage.say("oncall")) == [
        "TEST: The connection failed",
        "The connection failed <!subteam^S0ONCALL>",
    ]
    assert sorted(stage.say()) == ["TEST: The connection failed", "The connection failed"]


EVERYTHING = [ASKED, SIGNED, SIGNED, "The connection failed", "The connection failed"]
"""A card for each, and where there is more than one event, the others in its thread."""


@pytest.mark.parametrize(
    ("first_run", "told"),
    [("open", [ASKED, "The connection failed"]), ("all", EVERYTHING)],
)
async def test_the_first_run_tells_what_it_is_asked_to(stage: Stage, first_run: str, told: list[str]) -> None:
    """The first sight of a connection must report what somebody can still act on, or all of it."""
    for name in ("vipps", "swish", "klarna"):
        stage.ask(LIVE, name)
    stage.dintero.set_status(LIVE, "swish", "enabled")
    stage.dintero.set_status(LIVE, "klarna", "failed")
    result = await stage.run("run", "--once", POLL__FIRST_RUN=first_run)
    assert result.code == 0
    assert sorted(stage.say()) == sorted(told)
    assert not any(message.is_broadcast for message in stage.slack.messages("sales"))


async def test_what_comes_after_a_silent_first_run_is_told(stage: Stage) -> None:
    """With `first_run = "none"` nothing must be told at first, and what comes later all the same."""
    stage.ask()
    await stage.run("run", "--once", POLL__FIRST_RUN="none")
    assert stage.say() == []
    stage.dintero.set_status(LIVE, "vipps", "enabled")
    await stage.run("run", "--once", POLL__FIRST_RUN="none")
    assert stage.say() == [SIGNED]
