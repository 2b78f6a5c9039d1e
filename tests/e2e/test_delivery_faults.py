"""What goes wrong at Slack: what lasts is said in one sentence each, what passes is borne, nothing lost."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from notifier.sandbox import Fault, SandboxSlack, answer, cut_short, hang, html, ok_false, reset
from tests.e2e.conftest import BOT_TOKEN, LIVE, Stage, headline

ASKED = "Signature needed"

BOT = """
[receivers.{name}]
kind = "slack"
channel = "{channel}"
bot_token = "{token}"
base_url = "{base_url}"
pace_seconds = 0
"""

WEBHOOK = """
[receivers.{name}]
kind = "slack_webhook"
url = "{url}"
pace_seconds = 0
"""

ROUTE = """
[[routes]]
receivers = {names}

[slack]
timeout_seconds = 1

[delivery]
first_retry_seconds = 0.2
"""


def _write_bot(name: str, slack: SandboxSlack, channel: str = "#sales", token: str = BOT_TOKEN) -> str:
    return BOT.format(name=name, channel=channel, token=token, base_url=slack.base_url)


def _configure(stage: Stage, receivers: dict[str, str]) -> None:
    names = [*receivers]
    stage.configure(ROUTE.format(names=names) + "".join(receivers.values()))
    stage.env = {
        name: text
        for name, text in stage.env.items()
        if not name.startswith(("NOTIFIER_SLACK", "NOTIFIER_RECEIVERS"))
    }


async def test_each_refusal_has_one_sentence_and_delays_no_other(stage: Stage) -> None:
    """A receiver that takes nothing must be named with what to mend, keep its messages, and hinder nobody."""
    slack = stage.slack
    slack.add_channel("archived", is_archived=True)
    slack.add_channel("closed", is_private=True, members=())
    slack.add_channel("restricted").is_restricted = True
    weak = slack.add_bot("Weak", token="xoxb-3333-4444-canaryweak", scopes=())
    removed = slack.add_webhook("oncall")
    slack.remove_webhook(removed)
    stage.ask()
    said = {
        "unknown": ("channel_not_found", "/invite", "CHANNEL"),
        "refused": ("invalid_auth", "BOT_TOKEN"),
        "weak": ("missing_scope", "chat:write"),
        "archived": ("is_archived", "unarchive"),
        "closed": ("/invite",),
        "removed": ("no_service", "make a new one", "URL"),
        "shelved": ("channel_is_archived", "unarchive"),
        "restricted": ("action_prohibited", "workspace admin"),
    }
    receivers = {
        "good": _write_bot("good", slack),
        "unknown": _write_bot("unknown", slack, "C404404404"),
        "refused": _write_bot("refused", slack, "#oncall", "xoxb-0-0-canarywrong"),
        "weak": _write_bot("weak", slack, "#oncall", weak.token),
        "archived": _write_bot("archived", slack, "#archived"),
        "closed": _write_bot("closed", slack, "#closed"),
        "removed": WEBHOOK.format(name="removed", url=slack.webhook_url(removed)),
        "shelved": WEBHOOK.format(name="shelved", url=slack.webhook_url(slack.add_webhook("archived"))),
        "restricted": WEBHOOK.format(
            name="restricted", url=slack.webhook_url(slack.add_webhook("restricted"))
        ),
    }
    _configure(stage, receivers)
    result = await stage.run("run", "--once")
    assert result.code == 1
    assert len(result.complaints) == len(said), result.complaints
    for name, words in said.items():
        about = [line for line in result.complaints if f"Receiver {name}:" in line]
        assert len(about) == 1, (name, result.complaints)
        assert all(word in about[0] for word in words), about
    assert stage.say() == [ASKED]
    assert len([post for post in slack.posts if post.error is None]) == 1
    status = await stage.run("status")
    assert len([line for line in status.out.splitlines() if line.startswith("held")]) == len(said), status.out
    assert f"{len(said)} due" in status.out


async def test_a_message_that_waits_is_not_forgotten(stage: Stage) -> None:
    """A run that finds a message waiting for later, and tries nothing, must end with 1 and say so as well."""
    stage.ask()
    stage.slack.faults.add(answer(429, retry_after_seconds=3600).on("POST", "chat.postMessage"))
    for _ in range(2):
        result = await stage.run("run", "--once")
        assert result.code == 1
        (complaint,) = result.complaints
        assert "Slack takes no more for now" in complaint
    assert "1 message waits" in complaint
    assert len(stage.slack.posts) == 0


def _limit_as_ok_false() -> Fault:
    """Return a rate limit that comes as HTTP 200."""
    body = {"ok": False, "error": "ratelimited"}
    return answer(200, body=body, headers={"Retry-After": "1"})


PASSING: dict[str, Callable[[], Fault]] = {
    "limited": lambda: answer(429, retry_after_seconds=1),
    "limited-ok": _limit_as_ok_false,
    "broken": lambda: answer(500),
    "broken-after": lambda: answer(503, after_effect=True),
    "internal": lambda: ok_false("internal_error"),
    "fatal-after": lambda: ok_false("fatal_error", after_effect=True),
    "hanging": hang,
    "reset": reset,
    "reset-after": lambda: reset(after_effect=True),
    "page": lambda: html(502),
    "cut": cut_short,
}


async def test_a_passing_fault_loses_nothing(stage: Stage) -> None:
    """Whatever Slack does to a first attempt, the message must stand there when `run --once` is content.

    It may stand there twice only where the first attempt may have had its effect.
    """
    async with AsyncExitStack() as stack:
        slacks: dict[str, SandboxSlack] = {}
        receivers: dict[str, str] = {}
        for fault, make in PASSING.items():
            for kind in ("bot", "webhook"):
                name = f"{fault}-{kind}"
                slack = slacks[name] = await stack.enter_async_context(SandboxSlack().serve())
                slack.add_bot(token=BOT_TOKEN)
                slack.add_channel("sales", is_private=True)
                url = slack.webhook_url(slack.add_webhook("sales"))
                is_bot = kind == "bot"
                receivers[name] = _write_bot(name, slack) if is_bot else WEBHOOK.format(name=name, url=url)
                slack.faults.add(make().on("POST", r"chat\.postMessage|/services/"))
        stage.ask(LIVE)
        _configure(stage, receivers)
        first = again = await stage.run("run", "--once")
        while again.code and len(stage.programs) < 4:
            again = await stage.run("run", "--once")
        assert again.code == 0, again.complaints
        for name, slack in slacks.items():
            said = [headline(message) for message in slack.messages("sales")]
            assert said in ([ASKED], [ASKED, ASKED]), name
            if "after" not in name and not name.startswith("cut"):
                assert len(said) == 1, name
            if name.startswith("limited"):
                assert not any(f"Receiver {name}:" in line for line in first.complaints)
