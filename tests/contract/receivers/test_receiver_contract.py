"""The contract that every kind of receiver passes, over real HTTP on loopback."""

import json
import logging
import socket
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import pytest

from notifier.domain.delivery import Receipt, WhenUnsure
from notifier.domain.message import Fact, Message, Outside
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
    LookupImpossible,
)
from notifier.receivers.session import open_session
from notifier.sandbox import (
    Fault,
    SandboxSlack,
    answer,
    cut_short,
    hang,
    html,
    huge,
    ok_false,
    redirect,
    reset,
    wrong_shape,
)
from notifier.sandbox.fault_kinds import Kind
from tests.contract.receivers.conftest import (
    HTTP_KINDS,
    LINK,
    SLACK_KINDS,
    TOKEN,
    Stand,
    make_receiver,
    make_stand,
)
from tests.contract.receivers.inbox import Inbox

TAKEN: Final = Receipt
ANY_BODY: Final = frozenset({Kind.ANSWER, Kind.HTML, Kind.WRONG_SHAPE, Kind.HUGE, Kind.CUT_SHORT})


def say(status: int, text: str, **headers: str) -> Fault:
    """Return the fault that answers in plain text."""
    return answer(status, body=text, headers={"Content-Type": "text/plain; charset=utf-8", **headers})


def expect(kind: str, fault: Fault, meaning: type[DeliveryError]) -> type:
    """Return what a fault means to a kind, `meaning` being what it means to Slack's.

    A webhook is taken by any 2xx, PagerDuty takes an event by 202 alone, whatever body comes with it; Apprise
    says yes or no, and its no may mean anything.
    """
    is_yes = fault.status == 200 and fault.kind in ANY_BODY
    is_short = fault.kind is Kind.CUT_SHORT
    if kind == "apprise":
        return TAKEN if is_yes and not is_short else DeliveryAmbiguous
    if (kind == "webhook" and is_yes) or (kind == "pagerduty" and is_short):
        return TAKEN
    return meaning


async def fail(stand: Stand, message: Message) -> DeliveryError:
    """Return the error that sending raises."""
    with pytest.raises(DeliveryError) as caught:
        await stand.receiver.send(message, is_plain=False)
    return caught.value


async def test_message_that_is_taken_gives_a_receipt(stand: Stand, message: Message) -> None:
    """A taken message must stand once, and the receipt say where if the other end does."""
    receipt = await stand.receiver.send(message, is_plain=False)
    assert stand.taken() == 1
    where = Receipt("C0SALES01", stand.slack.messages("sales")[0].ts) if stand.kind == "slack" else Receipt()
    assert receipt == where


async def test_plainest_form_is_taken(stand: Stand, message: Message) -> None:
    """Every kind must have a form in which hardly anything can be refused."""
    await stand.receiver.send(message, is_plain=True)
    assert stand.taken() == 1


def test_receiver_says_what_it_is(stand: Stand) -> None:
    """Name, traits, pace and patience must be there, and no time before the first answer."""
    receiver = stand.receiver
    assert (receiver.name, receiver.now_there()) == ("sales", None)
    assert receiver.traits.has_threads is (stand.kind == "slack")
    assert receiver.traits.is_read_by_people is (stand.kind not in {"pagerduty", "webhook"})
    assert receiver.pace_seconds == (0.0 if stand.kind in {"pagerduty", "webhook"} else 1.0)
    assert receiver.timeout_seconds > 0
    assert receiver.when_unsure is WhenUnsure.RESEND


async def test_receiver_without_a_history_says_so(stand: Stand) -> None:
    """What cannot be asked must say that it never can, so that nothing waits for it."""
    if stand.kind == "slack":
        return
    await stand.receiver.prepare()
    with pytest.raises(LookupImpossible):
        await stand.receiver.find("ntf_1", datetime.now(UTC))
    assert list(stand.server.requests) == []


def read_sent(stand: Stand) -> str:
    """Return everything that the last message brought, as text without JSON's escapes."""
    body = dict(stand.slack.posts[-1].body) if stand.kind in SLACK_KINDS else stand.inbox.taken[-1].json
    return json.dumps(body, ensure_ascii=False)


async def test_outside_text_arrives_clean(stand: Stand, message: Message) -> None:
    """Nothing that cannot be seen may pass, and nothing be so long that it is refused."""
    nasty = Outside("\u202e<!channel>\x00\x1b[31m\u200b\u2066 \udfff" + "A" * 70_000)
    facts = tuple(Fact("Dintero says", nasty) for _ in range(40))
    evil = message._replace(
        merchant=nasty, connection=nasty, headline_value=nasty, event_id=nasty, facts=facts
    )
    for is_plain in (False, True):
        await stand.receiver.send(evil, is_plain=is_plain)
        sent = read_sent(stand)
        assert not set(sent) & set("\u202e\x00\x1b\u200b\u2066\udfff")
        assert "\\u0000" not in sent
        assert len(sent.encode()) < 512 * 1024
    assert stand.taken() == 2


async def test_signature_link_goes_where_somebody_signs(stand: Stand, message: Message) -> None:
    """People and the webhook's owner must get the link as it is, and whoever is on call must not."""
    await stand.receiver.send(message, is_plain=True)
    assert (LINK in read_sent(stand)) is (stand.kind != "pagerduty")


async def test_nothing_leaves_after_its_deadline(stand: Stand, message: Message) -> None:
    """A process that was held up must not send what somebody else may have sent since."""
    with pytest.raises(DeliveryUnavailable, match="held up"):
        await stand.receiver.send(message, is_plain=False, deadline=time.monotonic() - 1)
    assert list(stand.server.requests) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (answer(400), DeliveryRejected),
        (answer(401), DeliveryRejected),
        (answer(403), DeliveryRejected),
        (answer(404), DeliveryRejected),
        (answer(408), DeliveryAmbiguous),
        (answer(429), DeliveryRateLimited),
        (answer(500), DeliveryAmbiguous),
        (answer(500, after_effect=True), DeliveryAmbiguous),
        (answer(502, body=b""), DeliveryAmbiguous),
        (answer(503), DeliveryAmbiguous),
        (say(429, "slow down"), DeliveryRateLimited),
        (html(), DeliveryAmbiguous),
        (html(502), DeliveryAmbiguous),
        (say(200, "hello"), DeliveryAmbiguous),
        (answer(200, body=b'{"ok": tru', headers={"Content-Type": "application/json"}), DeliveryAmbiguous),
        (answer(200, body=b"\xff\xfe\x80", headers={"Content-Type": "application/json"}), DeliveryAmbiguous),
        (answer(200, body=b""), DeliveryAmbiguous),
        (wrong_shape(), DeliveryAmbiguous),
        (wrong_shape(b"null"), DeliveryAmbiguous),
        (cut_short(), DeliveryAmbiguous),
        (huge(6 * 1024 * 1024), DeliveryAmbiguous),
        (reset(), DeliveryAmbiguous),
        (reset(after_effect=True), DeliveryAmbiguous),
    ],
    ids=str,
)
async def test_answer_of_each_class_has_its_meaning(
    stand: Stand, message: Message, fault: Fault, kind: type[DeliveryError]
) -> None:
    """Each status, wrong body and broken connection must have its meaning, and the next message be taken."""
    stand.cause(fault)
    outcome = await attempt(stand, message)
    assert type(outcome) is expect(stand.kind, fault, kind)
    if isinstance(outcome, DeliveryError):
        assert str(outcome).startswith("Receiver sales: ")
    await stand.receiver.send(message, is_plain=False)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_what_concerns_the_receiver_holds_it(http_stand: Stand, message: Message, status: int) -> None:
    """A credential or an address that is refused must hold the receiver, not kill its messages."""
    http_stand.cause(say(status, "no"))
    error = await fail(http_stand, message)
    assert isinstance(error, DeliveryRejected)
    assert error.scope == "receiver"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_concerns_the_message_leaves_the_receiver(
    http_stand: Stand, message: Message, status: int
) -> None:
    """A message that is refused must not hold back the others."""
    http_stand.cause(say(status, "no"))
    error = await fail(http_stand, message)
    assert isinstance(error, DeliveryRejected)
    assert error.scope == "message"


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
async def test_rate_limit_says_how_long(http_stand: Stand, message: Message, form: str) -> None:
    """Both forms of Retry-After must be honoured, and a default stand in for none."""
    at = datetime.now(UTC) + timedelta(seconds=20)
    faults = {
        "seconds": answer(429, retry_after_seconds=7),
        "date": answer(429, retry_after_at=at),
        "none": answer(429),
    }
    http_stand.cause(faults[form])
    error = await fail(http_stand, message)
    assert isinstance(error, DeliveryRateLimited)
    default = 60 if http_stand.kind == "pagerduty" else 30
    low, high = {"seconds": (7, 7), "date": (1, 30), "none": (default, default)}[form]
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize("kind", ["pagerduty", "webhook"])
async def test_busy_server_says_how_long(
    kind: str, slack: SandboxSlack, inbox: Inbox, session: aiohttp.ClientSession, message: Message
) -> None:
    """A 503 with Retry-After is a server that asks to be left alone, not an unclear one."""
    stand = make_stand(kind, slack, inbox, session)
    stand.cause(answer(503, retry_after_seconds=9))
    error = await fail(stand, message)
    assert isinstance(error, DeliveryRateLimited)
    assert error.retry_after_seconds == 9


@pytest.mark.parametrize("after_effect", [False, True])
async def test_answer_that_does_not_come_is_ambiguous(
    hasty_stand: Stand, message: Message, after_effect: bool
) -> None:
    """The time-out must end a wait, and leave open whether the message was taken."""
    hasty_stand.cause(hang(after_effect=after_effect))
    assert type(await fail(hasty_stand, message)) is DeliveryAmbiguous


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(stand: Stand, message: Message, status: int) -> None:
    """Neither the token nor the message may go to a host that the settings do not name."""
    stand.cause(redirect(f"{stand.server.url}/elsewhere", status))
    error = await fail(stand, message)
    if stand.kind != "apprise":
        assert isinstance(error, DeliveryRejected)
        assert error.scope == "receiver"
    assert [request for request in stand.server.requests if "elsewhere" in request.path] == []
    assert stand.taken() == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_connection_that_cannot_be_made_took_nothing(message: Message, kind: str, scheme: str) -> None:
    """What was never sent must be sent again without a doubt."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"{scheme}://127.0.0.1:{held.getsockname()[1]}/canary/"
        async with open_session() as session:
            receiver = make_receiver(kind, url, session)
            with pytest.raises(DeliveryUnavailable) as caught:
                await receiver.send(message, is_plain=False)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_address_that_is_none_is_the_receivers_fault(message: Message, kind: str) -> None:
    """An address without a host or with another scheme must hold the receiver, not kill messages."""
    async with open_session() as session:
        for url in ("ftp://canary/", "http:///canary/", "canary/"):
            with pytest.raises(DeliveryRejected) as caught:
                await make_receiver(kind, url, session).send(message, is_plain=False)
            assert caught.value.scope == "receiver"
            assert "canary" not in str(caught.value)


async def test_closed_session_sends_nothing(http_stand: Stand, message: Message, session: Any) -> None:
    """While the program stops, nothing may open a session of its own."""
    await session.close()
    assert type(await fail(http_stand, message)) is DeliveryUnavailable
    assert list(http_stand.server.requests) == []


async def attempt(stand: Stand, message: Message) -> Receipt | DeliveryError:
    """Return what became of a message."""
    try:
        return await stand.receiver.send(message, is_plain=False)
    except DeliveryError as error:
        return error


LEAKY_FAULTS = (
    ok_false("invalid_auth"),
    ok_false(TOKEN, needed="canary:1", detail=LINK),
    say(400, TOKEN),
    say(500, LINK),
    html(500, f"<html>{LINK} {TOKEN}</html>"),
    answer(200, body=b'{"ok": canary', headers={"Content-Type": "application/json"}),
    redirect(LINK),
    reset(after_effect=True),
    cut_short(),
    hang(),
    Fault(Kind.DELAY),
)


@pytest.mark.parametrize("fault", LEAKY_FAULTS, ids=lambda fault: str(fault.kind))
async def test_no_secret_leaks(
    hasty_stand: Stand, message: Message, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """No credential, address, link or outside text may be in a log at DEBUG, an error or a repr."""
    for name in (None, *logging.Logger.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    hasty_stand.cause(fault)
    said = [repr(hasty_stand.receiver), hasty_stand.receiver.destination]
    outcome = await attempt(hasty_stand, message)
    said += [repr(outcome), str(outcome)]
    if isinstance(outcome, DeliveryError):
        assert (outcome.__cause__, outcome.__context__) == (None, None)
        said += [outcome.code, *traceback.format_exception(outcome)]
    said += [repr(finding) async for finding in hasty_stand.receiver.check(sends=True)]
    shown = "\n".join([*said, caplog.text, *(repr(record.__dict__) for record in caplog.records)])
    for secret in hasty_stand.secrets:
        assert secret not in shown


async def test_all_receivers_share_one_connection(message: Message) -> None:
    """Many posts by many receivers over one session must not open many connections."""
    from aiohttp import web

    peers = set()

    async def take(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        await request.read()
        if "enqueue" in request.path:
            return web.json_response({"status": "success"}, status=202)
        return web.Response(text="ok") if "hook" in request.path else web.json_response({"ok": True})

    server = web.ServerRunner(web.Server(take))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    port = server.addresses[0][1]
    try:
        async with open_session() as session:
            for index in range(10):
                for kind in HTTP_KINDS:
                    path = "api" if kind == "slack" else f"{index}/hook"
                    receiver = make_receiver(kind, f"http://127.0.0.1:{port}/{path}/", session)
                    await receiver.send(message, is_plain=False)
    finally:
        await server.cleanup()
    assert len(peers) == 1
