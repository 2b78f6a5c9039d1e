"""What goes out by Apprise, and what is made of its yes and no."""

import logging
import sys
from datetime import UTC, datetime

import pytest

from notifier.domain.delivery import Level
from notifier.domain.message import Line, Link, Message, Outside
from notifier.errors import ConfigError, DeliveryAmbiguous, DeliveryUnavailable
from notifier.receivers.apprise import AppriseReceiver
from notifier.sandbox import answer, hang
from tests.contract.receivers.conftest import LINK
from tests.contract.receivers.inbox import Inbox


def make(inbox: Inbox, timeout_seconds: float = 5.0) -> AppriseReceiver:
    """Return an Apprise receiver for the inbox."""
    url = f"{inbox.url.replace('http://', 'json://')}/canarypath"
    return AppriseReceiver("mail", url, timeout_seconds=timeout_seconds, url_setting="THE_URL_SETTING")


async def test_message_goes_out_as_plain_text(inbox: Inbox, message: Message) -> None:
    """Title, text and type must say it all, with the link and without markup."""
    await make(inbox).send(message, is_plain=False)
    (taken,) = inbox.taken
    assert (taken.json["title"], taken.json["type"]) == ("Signature needed", "warning")
    assert taken.json["message"].splitlines() == [
        "For Canary canarymerchant AS · P12345678 · vipps",
        "Open the link and sign.",
        f"Open the signature link: {LINK}",
        "Since 1 Aug 2026, 00:00 UTC",
        "Dintero says: canarydescription",
        "Backoffice: https://backoffice.dintero.com/P12345678",
        "Event ev_1",
    ]


async def test_digest_goes_out_line_by_line(inbox: Inbox, message: Message) -> None:
    """Each line of a digest must say whose it is and what to open, as far as there is room."""
    until = datetime(2026, 12, 1, tzinfo=UTC)
    line = Line("waits for a signature", Outside("Bakeri <!x> AS"), Link(LINK, "Open"), until)
    await make(inbox).send(message._replace(lines=(line,) * 200), is_plain=False)
    text = inbox.taken[0].json["message"]
    said = f"- Bakeri ‹!x› AS waits for a signature before 1 Dec 2026, 00:00 UTC. Open: {LINK}"
    assert text.splitlines().count(said) > 10
    assert len(text) <= 4_000


async def test_several_addresses_are_all_sent_to(inbox: Inbox, message: Message) -> None:
    """Each of several addresses must get it, and one that fails make the whole unclear."""
    url = inbox.url.replace("http://", "json://")
    receiver = AppriseReceiver("mail", f"{url}/one  {url}/two?x=a,b")
    await receiver.send(message, is_plain=False)
    assert [taken.path for taken in inbox.taken] == ["/one", "/two"]
    inbox.faults.add(answer(500).on("*", "/two"))
    with pytest.raises(DeliveryAmbiguous):
        await receiver.send(message, is_plain=False)


async def test_message_without_a_body_still_goes_out(inbox: Inbox, message: Message) -> None:
    """A headline alone must be enough."""
    bare = message._replace(
        account_id="",
        connection=Outside(""),
        merchant=Outside(""),
        advice="",
        action=None,
        moments=(),
        facts=(),
        backoffice=None,
        event_id=Outside(""),
    )
    await make(inbox).send(bare, is_plain=False)
    assert inbox.taken[0].json["message"] == "Signature needed"


async def test_service_that_hangs_delays_nobody_and_is_not_asked_again(
    inbox: Inbox, message: Message
) -> None:
    """The wait must end in time, and the next message wait for the thread that hangs."""
    inbox.faults.add(hang().on("*", ""))
    receiver = make(inbox, timeout_seconds=0.1)
    with pytest.raises(DeliveryAmbiguous, match="time ran out"):
        await receiver.send(message, is_plain=False)
    with pytest.raises(DeliveryUnavailable, match="still hangs"):
        await receiver.send(message, is_plain=False)


def test_extra_that_is_not_installed_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the sentence must say how to install it, and not show the address."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError) as caught:
        AppriseReceiver("mail", "json://127.0.0.1/canary", url_setting="THE_URL_SETTING")
    assert "pip install 'dintero-notifier[apprise]'" in str(caught.value)
    assert "receivers.mail.url (THE_URL_SETTING)" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["nosuchservice://canary", "json://", "tgram://canary"])
def test_address_that_apprise_does_not_know_is_a_config_error(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An address of no known service must be refused at the start, unseen."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigError, match="does not know") as caught:
        AppriseReceiver("mail", url)
    assert "canary" not in str(caught.value) + caplog.text


async def test_check_says_what_apprise_means_for_secrets(inbox: Inbox) -> None:
    """That links go out, and by connections that are not the notifier's, must be said."""
    findings = [one async for one in make(inbox).check(sends=True)]
    assert findings[0].level is Level.WARNING
    assert "signature links" in findings[0].sentence
    assert findings[-1].sentence == "a test message was posted"
    assert "TEST" in inbox.taken[0].json["title"]


async def test_link_that_is_no_web_address_is_not_sent(inbox: Inbox, message: Message) -> None:
    """What is no web address, or longer than a message, must be said to be missing."""
    for url in ("javascript:alert(1)", "https://x.example/" + "a" * 5_000):
        await make(inbox).send(message._replace(action=Link(url, "Open")), is_plain=False)
        assert "Link not shown" in inbox.taken[-1].json["message"]
