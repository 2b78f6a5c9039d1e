"""Text that somebody else wrote, as bad as it gets: it is passed on, and does nothing."""

import json
from typing import Any

from tests.e2e.conftest import LINK, LIVE, Stage

EVIL = (
    "<!channel> *x* _y_ `z` ~s~ <https://evil.example|click> @here &lt;!here&gt; :boom: https://evil.example"
)
BIDI = "\u202egnp.exe\u202c\u2066\u200f\u200e\x00\x1b[31m\r\nline"
LONG = "Ł" * 10_000
EMOJI = "👩‍👩‍👧‍👦" * 2_000
ZALGO = "a" + "\u0335" * 500

DESCRIPTIONS = {"markup": EVIL, "bidi": BIDI, "long": LONG, "emoji": EMOJI, "zalgo": ZALGO}
LINKS: dict[str, tuple[object, str]] = {
    "script": ("javascript:alert('canary-link')", "it does not start with https://"),
    "plain": ("http://sign.example.com/canary-link", "it does not start with https://"),
    "spaces": ("https://sign.example.com/canary-link and more", "a space"),
    "endless": ("https://sign.example.com/canary-link/" + "x" * 5_000, "longer than"),
    "user": ("https://sign.example.com@evil.example/canary-link", "user name"),
    "hidden": ("https://sign.example.com/\u202ecanary-link", "invisible"),
    "list": ([LINK, LINK], "it does not start with https://"),
    "table": ({"href": LINK}, "it does not start with https://"),
    "number": (5, "it does not start with https://"),
    "breaking": (f"{LINK}|click>*x*<!channel>", ""),
}


def _find(value: object, kind: str) -> list[dict[str, Any]]:
    """Return all elements of a type in some blocks."""
    if isinstance(value, list):
        return [found for item in value for found in _find(item, kind)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") == kind else []
    return own + [found for item in value.values() for found in _find(item, kind)]


async def test_descriptions_reach_slack_as_dead_text(stage: Stage) -> None:
    """No description, merchant, connection or event may call anybody, make a link or leave its line."""
    stage.dintero.add_account(LIVE, business_name=f"{EVIL} {BIDI}")
    for name, description in DESCRIPTIONS.items():
        stage.ask(LIVE, name, description=description)
    stage.ask(LIVE, "<!channel>*x*")
    stage.dintero.add_event(LIVE, "markup", status="<!here> *odd*", event=f"{EVIL}", description=BIDI)
    result = await stage.run("run", "--once", POLL__FIRST_RUN="all")
    assert result.code == 0, result.err
    messages = stage.slack.messages("sales")
    asked = [one for one in messages if "Signature needed" in one.text]
    assert len(asked) >= len(DESCRIPTIONS)
    for message in messages:
        raw = json.dumps(message.blocks, ensure_ascii=False) + message.text
        assert not any(mark in raw for mark in "\u202e\u202c\u2066\u200f\x00\x1b\r")
        assert not _find(message.blocks, "broadcast")
        assert {one["url"] for one in _find(message.blocks, "link")} <= {LINK}
        for section in (*_find(message.blocks, "mrkdwn"), {"text": message.text}):
            for live in ("<!channel", "<!here", "<https://evil", "*x*", "https://evil", ":boom:"):
                assert live not in section["text"], (live, section["text"])


async def test_a_link_that_is_none_is_shown_with_the_reason(stage: Stage) -> None:
    """Such a link must not be clickable, its reason be said, and the message posted all the same."""
    for name, (link, _) in LINKS.items():
        stage.ask(LIVE, name, link=link)
    stage.ask(LIVE, "absent", link=None)
    result = await stage.run("run", "--once", POLL__FIRST_RUN="all")
    assert result.code == 0, result.err
    messages = {
        one.metadata["event_payload"]["connection"]: one
        for one in stage.slack.messages("sales")
        if one.metadata and one.metadata["event_payload"]["topic"] == "signature_required"
    }
    assert set(messages) == {*LINKS, "absent"}
    for name, (_, reason) in LINKS.items():
        shown = messages[name].shown_text
        links = [one["url"] for one in _find(messages[name].blocks, "link")]
        if reason:
            assert reason in shown, (name, shown)
            assert not [url for url in links if "canary-link" in url]
        else:
            assert [url for url in links if url.startswith(LINK)]
            assert not any(mark in url for url in links for mark in "|<> ")
    assert "no signature link" in messages["absent"].shown_text
