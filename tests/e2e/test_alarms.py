"""The program when Dintero goes down and comes up again: what on-call reads, and what a heartbeat tells."""

from aiohttp import web

from notifier.sandbox import answer
from tests.e2e.conftest import Stage, headline, until

UNREADABLE = "The notifier cannot read Dintero"
OVER = "Over: the notifier cannot read Dintero"


def _add_oncall(stage: Stage) -> None:
    stage.env |= {
        "NOTIFIER_RECEIVERS__ONCALL__KIND": "slack",
        "NOTIFIER_RECEIVERS__ONCALL__CHANNEL": stage.slack.channel("oncall").id,
        "NOTIFIER_RECEIVERS__ONCALL__PACE_SECONDS": "0",
        "NOTIFIER_ALARMS__BLIND_AFTER_MINUTES": "0.02",
        "NOTIFIER_POLL__ATTEMPTS": "1",
    }


def _break(stage: Stage, status: int) -> None:
    stage.dintero.faults.clear()
    stage.dintero.faults.add(answer(status).on("GET", "/management/accounts", times=None))


async def test_an_outage_is_one_message_one_update_and_one_end(stage: Stage) -> None:
    """On-call reads one message, which says what is true by now, and one reply when it is over."""
    _add_oncall(stage)
    stage.ask()
    program = await stage.start("run")
    await until(lambda: stage.say("sales"), "the request")
    _break(stage, 500)
    await until(lambda: stage.say("oncall"), "the incident")
    assert "500" in str(stage.slack.messages("oncall")[0].blocks)
    _break(stage, 502)
    await until(lambda: "502" in str(stage.slack.messages("oncall")[0].blocks), "the update")
    stage.dintero.faults.clear()
    await until(lambda: len(stage.slack.messages("oncall")) > 1, "the end")
    await until(lambda: stage.say("oncall")[0] == OVER, "the card's end")
    before = stage.dintero.counts["accounts"]
    await until(lambda: stage.dintero.counts["accounts"] > before + 10, "some more polls")
    card, reply = stage.slack.messages("oncall")
    assert [headline(one) for one in (card, reply)] == [OVER, OVER]
    assert reply.thread_ts == card.ts
    assert len(stage.say("sales")) == 1
    ended = await program.stop()
    assert ended.code == 0


async def test_a_heartbeat_tells_of_an_outage_and_is_in_no_log(stage: Stage) -> None:
    """Whoever listens hears that all is well, that it is not, and that it is again."""
    heard: list[str] = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    application = web.Application()
    application.router.add_get("/{path:.*}", listen)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _add_oncall(stage)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/canary-uuid"
    program = await stage.start("run", ALARMS__HEARTBEAT_URL=url, ALARMS__HEARTBEAT_INTERVAL_SECONDS="0.2")
    await until(lambda: "/canary-uuid" in heard, "a heartbeat")
    _break(stage, 500)
    await until(lambda: "/canary-uuid/fail" in heard, "a failure")
    stage.dintero.faults.clear()
    await until(lambda: heard[-1] == "/canary-uuid", "the end")
    await program.stop()
    await runner.cleanup()


async def test_a_lone_receiver_is_warned_of(stage: Stage) -> None:
    """`check` says that nobody would be told if the one channel were gone."""
    alone = await stage.run("check")
    assert "a lone receiver cannot report its own death" in alone.out
    _add_oncall(stage)
    both = await stage.run("check")
    assert "a lone receiver" not in both.out
