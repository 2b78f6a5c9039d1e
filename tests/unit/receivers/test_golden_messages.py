"""Typical messages as Slack gets them, compared with `tests/samples/slack/*.json`.

After a change that is meant, write them anew with `UPDATE_SAMPLES=1 pytest tests/unit/receivers` and read the
difference.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside, RefusedLink
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.mention import read_mention
from notifier.sandbox.limits import errors_in

SAMPLES = Path(__file__).parents[2] / "samples" / "slack"
LINK = Link("https://sign.vippsmobilepay.example/s/9f3c?lang=no&step=1", "Open the signature link")

ASKED = Message(
    notification_id="ntf_01",
    topic="signature_required",
    mood=Mood.ACTION,
    headline="Signature needed",
    account_id="P12345678",
    connection=Outside("vipps"),
    is_test=False,
    merchant=Outside("Fjordbris Sport AS"),
    advice="Open the link and sign, or send it to whoever signs for the company.",
    action=LINK,
    moments=(
        Moment("Since", datetime(2026, 8, 1, 10, 0, tzinfo=UTC)),
        Moment("Sign before", datetime(2026, 8, 29, 10, 0, tzinfo=UTC)),
    ),
    facts=(Fact("Dintero says", Outside("Signature required from the signatory")),),
    backoffice=Link("https://backoffice.dintero.com/P12345678", "Backoffice"),
    event_id=Outside("0b8f7c1e-3d55-4a0e-9d6a-1f0f6c1f8a11"),
    case_id="case_7",
)
DECLINED = ASKED._replace(
    topic="declined",
    mood=Mood.BAD,
    headline="The application was declined",
    advice="Tell the merchant before the merchant finds out.",
    action=None,
    moments=ASKED.moments[:1],
    facts=(Fact("Dintero says", Outside("The company is not registered for VAT")),),
    wants_mention=True,
)
MESSAGES = {
    "signature_required": ASKED,
    "refused_link": ASKED._replace(
        advice="Do not open this link.",
        action=RefusedLink(Outside("javascript:alert(1)"), "it does not start with https://"),
    ),
    "declined_with_mention": DECLINED,
    "enabled": ASKED._replace(
        topic="enabled",
        mood=Mood.GOOD,
        headline="Signed: the connection is enabled",
        advice="",
        action=None,
        moments=ASKED.moments[:1],
        facts=(),
    ),
    "test_account": ASKED._replace(account_id="T12345678", is_test=True),
    "unknown_status": ASKED._replace(
        topic="status",
        mood=Mood.NEUTRAL,
        headline="The connection's status is now:",
        headline_value=Outside("on_hold"),
        connection=Outside("payex/creditcard"),
        advice="",
        action=None,
        facts=(),
    ),
    "long_outside_text": DECLINED._replace(
        wants_mention=False,
        merchant=Outside("<!channel> *Bakeri* " + "A" * 400),
        facts=(
            Fact("Dintero says", Outside("\u202e:fire: https://evil.example *x* _y_\n\n" + "word " * 2000)),
        ),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("is_plain", [False, True], ids=["blocks", "plain"])
def test_message_is_posted_as_its_sample(name: str, is_plain: bool) -> None:
    """A typical message must look as its recorded sample, and Slack must take it."""
    post = render(MESSAGES[name], read_mention("S024BE7LH"), is_plain=is_plain)
    drawn = json.dumps(
        {"text": post.text, "blocks": post.blocks, "metadata": post.metadata}, ensure_ascii=False, indent=2
    )
    sample = SAMPLES / f"{name}{'.plain' if is_plain else ''}.json"
    if os.environ.get("UPDATE_SAMPLES"):
        sample.write_text(f"{drawn}\n", encoding="utf-8")
    assert f"{drawn}\n" == sample.read_text(encoding="utf-8")
    assert errors_in(list(post.blocks)) == []


def test_sample_of_every_message_is_used() -> None:
    """No sample may stay behind when its message has gone."""
    names = {path.name for path in SAMPLES.glob("*.json")}
    assert names == {f"{name}{form}.json" for name in MESSAGES for form in ("", ".plain")}


def test_fallback_and_metadata_hold_no_signature_link() -> None:
    """Notifications and other apps must not see the link that the blocks carry."""
    post = render(ASKED)
    assert LINK.url in json.dumps(post.blocks)
    assert "sign.vippsmobilepay" not in post.text + json.dumps(post.metadata)


def test_plain_form_holds_the_link_and_no_blocks() -> None:
    """The plain form must carry the link, since nothing else would."""
    post = render(ASKED, is_plain=True)
    assert post.blocks == ()
    assert (
        "<https://sign.vippsmobilepay.example/s/9f3c?lang=no&amp;step=1|Open the signature link>" in post.text
    )


def test_mention_stands_only_where_it_is_wanted() -> None:
    """A message must call somebody only when it wants to and the receiver knows whom."""
    mention = read_mention("@here")
    assert "<!here>" in render(DECLINED, mention).text
    assert "<!here>" not in render(ASKED, mention).text
    assert "broadcast" not in json.dumps(render(ASKED, mention).blocks)
    assert "<!" not in render(DECLINED._replace(moments=()), None).text


@pytest.mark.parametrize(
    "url", ["https://x.example/" + "a" * 3_000, "javascript:alert(1)", "https://x.example/" + "æ" * 600]
)
def test_link_that_slack_would_not_take_is_said_to_be_missing(url: str) -> None:
    """A link beyond Slack's limits, or to no web address, must not cost the message."""
    for is_plain in (False, True):
        post = render(ASKED._replace(action=Link(url, "Open")), is_plain=is_plain)
        shown = post.text + json.dumps(post.blocks)
        assert "Link not shown" in shown
        assert errors_in(list(post.blocks)) == []


def test_link_cannot_break_out_of_its_markup() -> None:
    """No character of an address may end the link that it stands in."""
    hostile = Link("https://x.example/a|b>c<!channel> d\u202e*e*`\n", "Open")
    post = render(ASKED._replace(action=hostile), is_plain=True)
    link = next(line for line in post.text.splitlines() if line.startswith("<https://x."))
    assert link == "<https://x.example/a%7Cb%3Ec%3C!channel%3E%20d%E2%80%AE%2Ae%2A%60%0A|Open>"


def test_longest_link_survives_in_the_plain_form() -> None:
    """A link that Slack takes must be in the plain form however long the rest is."""
    link = Link("https://x.example/" + "a" * 2_900, "Open")
    full = ASKED._replace(action=link, merchant=Outside("<&>" * 100), connection=Outside("*&" * 100))
    post = render(full, is_plain=True)
    assert link.url in post.text
    assert len(post.text) <= 4_000
