"""The contract that every kind of receiver passes, over real HTTP on loopback."""

import logging
import socket
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.delivery import Receipt
from notifier.domain.message import Message
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.receivers.slack.refusals import KNOWN_CODES, Meaning, find_refusal
from notifier.receivers.session import open_session
from notifier.receivers.slack.webhook import SlackWebhookReceiver
from notifier.sandbox import (
    Fault,
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
from tests.contract.receivers.conftest import LINK, Stand

KINDS = {
    Meaning.RECEIVER: DeliveryRejected,
    Meaning.MESSAGE: DeliveryRejected,
    Meaning.ROOT: DeliveryRejected,
    Meaning.RATE: DeliveryRateLimited,
    Meaning.LATER: DeliveryUnavailable,
    Meaning.UNCLEAR: DeliveryAmbiguous,
}


def say(status: int, text: str, **headers: str) -> Fault:
    """Return the fault that answers in plain text."""
    return answer(status, body=text, headers={"Content-Type": "text/plain; charset=utf-8", **headers})


def refuse(kind: str, code: str) -> Fault:
    """Return the refusal with a code in the form of a kind: `ok: false`, or plain text."""
    return ok_false(code) if kind == "slack" else say(400, code)


async def fail(stand: Stand, message: Message) -> DeliveryError:
    """Return the error that sending raises."""
    with pytest.raises(DeliveryError) as caught:
        await stand.receiver.send(message, is_plain=False)
    return caught.value


async def test_message_that_is_taken_gives_a_receipt(stand: Stand, message: Message) -> None:
    """A taken message must stand in the channel, and the receipt say where if Slack does."""
    receipt = await stand.receiver.send(message, is_plain=False)
    (posted,) = stand.slack.messages("sales")
    assert receipt == (Receipt("C0SALES01", posted.ts) if stand.kind == "slack" else Receipt())


async def test_request_carries_everything_a_post_needs(stand: Stand, message: Message) -> None:
    """Text, blocks and metadata must go along, unfurling be off, and nothing else be in it."""
    await stand.receiver.send(message, is_plain=False)
    (post,) = stand.slack.posts
    body: dict[str, Any] = dict(post.body)
    channel = {"channel"} if stand.kind == "slack" else set()
    assert set(body) == {"text", "blocks", "metadata", "unfurl_links", "unfurl_media"} | channel
    assert body["unfurl_links"] is False
    assert body["unfurl_media"] is False
    assert body["metadata"]["event_payload"]["notification_id"] == "ntf_1"
    assert LINK in str(body["blocks"])
    assert LINK not in body["text"] + str(body["metadata"])
    assert "<!here>" in body["text"]


async def test_plain_form_has_no_blocks(stand: Stand, message: Message) -> None:
    """The plainest form must be text alone, with the link in it."""
    await stand.receiver.send(message, is_plain=True)
    (post,) = stand.slack.posts
    assert "blocks" not in post.body
    assert f"<{LINK}|Open the signature link>" in str(post.body["text"])


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
    """Each status, wrong body and broken connection must raise its kind, and the next message be taken."""
    stand.cause(fault)
    error = await fail(stand, message)
    assert type(error) is kind
    assert str(error).startswith("Receiver sales: ")
    await stand.receiver.send(message, is_plain=False)


async def test_each_known_refusal_has_its_meaning(stand: Stand, message: Message) -> None:
    """Every error of Slack's table must come through either interface as what it means."""
    for code in sorted(KNOWN_CODES):
        refusal = find_refusal(code)
        assert refusal is not None
        stand.cause(refuse(stand.kind, code))
        error = await fail(stand, message)
        assert (type(error), error.code) == (KINDS[refusal.meaning], code)
        assert getattr(error, "scope", refusal.meaning) == refusal.meaning


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
async def test_rate_limit_says_how_long(stand: Stand, message: Message, form: str) -> None:
    """Both forms of Retry-After must be honoured, and a default stand in for none."""
    at = datetime.now(UTC) + timedelta(seconds=20)
    faults = {
        "seconds": answer(429, retry_after_seconds=7),
        "date": answer(429, retry_after_at=at),
        "none": answer(429),
    }
    stand.cause(faults[form])
    error = await fail(stand, message)
    assert isinstance(error, DeliveryRateLimited)
    low, high = {"seconds": (7, 7), "date": (1, 30), "none": (30, 30)}[form]
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize("after_effect", [False, True])
async def test_answer_that_does_not_come_is_ambiguous(
    hasty_stand: Stand, message: Message, after_effect: bool
) -> None:
    """The session's time-out must end a wait, and leave open whether the message was taken."""
    hasty_stand.cause(hang(after_effect=after_effect))
    assert type(await fail(hasty_stand, message)) is DeliveryAmbiguous


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(stand: Stand, message: Message, status: int) -> None:
    """Neither the token nor the message may go to a host that the settings do not name."""
    stand.cause(redirect(f"{stand.slack.url}/elsewhere", status))
    error = await fail(stand, message)
    assert isinstance(error, DeliveryRejected)
    assert error.scope == "receiver"
    assert [request for request in stand.slack.requests if "elsewhere" in request.path] == []
    assert stand.slack.messages("sales") == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ["slack", "slack_webhook"])
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


@pytest.mark.parametrize("kind", ["slack", "slack_webhook"])
async def test_address_that_is_none_is_the_receivers_fault(message: Message, kind: str) -> None:
    """An address without a host or with another scheme must hold the receiver, not kill messages."""
    async with open_session() as session:
        for url in ("ftp://canary/", "http:///canary/", "canary/"):
            with pytest.raises(DeliveryRejected) as caught:
                await make_receiver(kind, url, session).send(message, is_plain=False)
            assert caught.value.scope == "receiver"
            assert "canary" not in str(caught.value)


async def test_closed_session_sends_nothing(stand: Stand, message: Message, session: Any) -> None:
    """While the program stops, slack_sdk must not open a session of its own."""
    await session.close()
    assert type(await fail(stand, message)) is DeliveryUnavailable
    assert list(stand.slack.requests) == []


async def test_session_that_takes_no_notes_makes_everything_ambiguous(message: Message) -> None:
    """Without our session's notes nobody knows whether a request left, so it may have."""
    import aiohttp

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with aiohttp.ClientSession() as session:
            receiver = make_receiver("slack", f"http://127.0.0.1:{held.getsockname()[1]}/", session)
            with pytest.raises(DeliveryAmbiguous):
                await receiver.send(message, is_plain=False)


async def attempt(stand: Stand, message: Message) -> Receipt | DeliveryError:
    """Return what became of a message."""
    try:
        return await stand.receiver.send(message, is_plain=False)
    except DeliveryError as error:
        return error


LEAKY_FAULTS = (
    ok_false("invalid_auth"),
    ok_false("xoxb-1111-2222-canarytoken", needed="canary:1", detail=LINK),
    say(400, "xoxb-1111-2222-canarytoken"),
    say(500, LINK),
    html(500, f"<html>{LINK} xoxb-1111-2222-canarytoken</html>"),
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
    """No token, webhook address, link or outside text may be in a log at DEBUG, an error or a repr."""
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
        return web.Response(text="ok") if "hook" in request.path else web.json_response({"ok": True})

    server = web.ServerRunner(web.Server(take))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    port = server.addresses[0][1]
    try:
        async with open_session() as session:
            for index in range(10):
                for kind in ("slack", "slack_webhook"):
                    receiver = make_receiver(kind, f"http://127.0.0.1:{port}/{index}/hook/", session)
                    if kind == "slack":
                        receiver = make_receiver(kind, f"http://127.0.0.1:{port}/api/", session)
                    await receiver.send(message, is_plain=False)
    finally:
        await server.cleanup()
    assert len(peers) == 1


def make_receiver(kind: str, url: str, session: Any) -> SlackBotReceiver | SlackWebhookReceiver:
    """Return a receiver of a kind for an address."""
    if kind == "slack":
        return SlackBotReceiver("sales", "xoxb-1-2-canary", "#sales", url, session)
    return SlackWebhookReceiver("sales", url, session)
