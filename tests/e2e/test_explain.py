"""`notifier explain`: the story of an event or a case, on the real program between a Dintero and a Slack."""

import json

import pytest

from notifier.sandbox import ok_false
from tests.e2e.conftest import LIVE, TEST, Stage


def _find_event(stage: Stage) -> str:
    """Return Dintero's id of the event that asked for a signature."""
    for post in stage.slack.posts:
        for element in json.dumps(post.body).split('"'):
            if element.startswith("Event "):
                return element.removeprefix("Event ")
    pytest.fail("no message names an event")


async def test_an_event_is_explained_from_the_poll_to_the_permalink(stage: Stage) -> None:
    """When and in which poll it was seen, what was decided and why, every attempt, and where it stands."""
    stage.ask()
    await stage.run("run", "--once")
    (message,) = stage.slack.messages("sales")
    told = await stage.run("explain", _find_event(stage))
    assert told.code == 0, told.err
    channel = stage.slack.channel("sales").id
    for words in (
        f"Fjordbris Sport AS, {LIVE}/vipps",
        "signature_required, status pending",
        "with a signature link",
        "seen by  dintero: accounts of P11200000 at 20",
        "to be told, because first_seen_open",
        "somebody is told",
        "to sales: signature_required",
        "rule   ",
        "state  delivered 20",
        f"/archives/{channel}/p{message.ts.replace('.', '')}",
        f"(channel {channel}, ts {message.ts})",
    ):
        assert words in told.out, told.out
    assert told.out.count("tried  ") == 1


async def test_a_case_is_explained_with_all_its_attempts(stage: Stage) -> None:
    """A case by its connection must show what failed before it worked, and the reply in the thread."""
    stage.ask()
    stage.slack.faults.add(ok_false("internal_error").on("POST", "chat.postMessage"))
    await stage.run("run", "--once", DELIVERY__FIRST_RETRY_SECONDS="0.1")
    stage.dintero.set_status(LIVE, "vipps", "enabled")
    await stage.run("run", "--once")
    told = await stage.run("explain", f"{LIVE}/vipps")
    assert told.code == 0, told.err
    assert "failed, to be tried again; internal_error: Receiver sales: " in told.out
    assert "a reply in the thread of its card" in told.out
    assert "its card is brought up to date" in told.out
    assert "status     enabled, now" in told.out
    assert "?thread_ts=" in told.out
    dumped = await stage.run("explain", f"{LIVE}/vipps", "--json")
    story = json.loads(dumped.out)
    assert story["case"]["account_id"] == LIVE
    assert [one["status"] for one in story["decisions"] if one["is_told"]] == ["pending", "enabled"]
    messages = [one for decision in story["decisions"] for one in decision["messages"]]
    assert all(one["tries"] for one in messages if one["state"] == "delivered")
    assert {one["form"] for one in messages} == {"message", "reply", "update"}
    again = await stage.run("explain", story["case"]["case_id"], "--json", "--offline")
    assert json.loads(again.out)["case"] == story["case"]


async def test_every_id_that_is_printed_can_be_explained(stage: Stage) -> None:
    """Ids of events, changes, messages, signups and cases as the story shows them must lead to it again."""
    stage.ask()
    await stage.run("run", "--once")
    story = json.loads((await stage.run("explain", f"{LIVE}/vipps", "--json", "--offline")).out)
    ids = [
        story["case"]["case_id"],
        story["case"]["signup_id"],
        *(one["event_id"] for one in story["events"]),
        *(one["event_key"] for one in story["events"]),
        *(one["change_id"] for one in story["decisions"]),
        *(each["notification_id"] for one in story["decisions"] for each in one["messages"]),
    ]
    assert len(ids) >= 6
    for one in ids:
        told = await stage.run("explain", one, "--offline")
        assert (told.code, told.err) == (0, ""), one
        assert f"{LIVE}/vipps" in told.out


@pytest.mark.parametrize("asked", ["nonsense", f"{TEST}/vipps", "", "\x1b[2J", b"\xff\xfe", "x" * 5000])
async def test_what_is_unknown_is_said_in_a_sentence(stage: Stage, asked: str | bytes) -> None:
    """An id that nothing bears must end with one sentence and exit code 1."""
    told = await stage.run("explain", asked)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("notifier: nothing is known by that name: ")
    assert len(told.err.splitlines()) == 1


async def test_a_slack_that_does_not_answer_costs_only_the_permalink(stage: Stage) -> None:
    """The story must be told with channel and ts, and say why there is no address."""
    stage.ask()
    await stage.run("run", "--once")
    told = await stage.run("explain", f"{LIVE}/vipps", SLACK__BASE_URL="http://127.0.0.1:9/api/")
    assert told.code == 0
    assert f"no permalink (channel {stage.slack.channel('sales').id}, ts " in told.out
    assert "note       no permalinks: Receiver sales: " in told.out


async def test_a_webhook_does_not_say_where_its_messages_stand(stage: Stage) -> None:
    """What cannot be known must be said, not left out."""
    webhook = stage.slack.webhook_url(stage.slack.add_webhook("sales"))
    stage.ask()
    changed = {
        "RECEIVERS__SALES__KIND": "slack_webhook",
        "RECEIVERS__SALES__CHANNEL": "",
        "RECEIVERS__SALES__URL": webhook,
    }
    await stage.run("run", "--once", **changed)
    told = await stage.run("explain", f"{LIVE}/vipps", **changed)
    assert "its receiver does not say where it stands" in told.out


async def test_hostile_words_do_not_reach_the_terminal(stage: Stage) -> None:
    """What somebody typed at Dintero must come out without anything that speaks to a terminal."""
    stage.dintero.add_account(LIVE, business_name="Evil\x1b[2J\x9b31m AS\u202e")
    stage.ask(description="typed\x1b[31m by somebody")
    await stage.run("run", "--once")
    told = await stage.run("explain", f"{LIVE}/vipps")
    assert told.code == 0
    assert "Evil" in told.out
    assert not {"\x1b", "\x9b", "\u202e"} & set(told.out)
