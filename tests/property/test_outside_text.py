"""Whatever somebody outside types, a post stays within Slack's limits and none of it comes alive."""

import json
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from notifier.domain.message import Fact, Line, Link, Message, Moment, Mood, Outside, RefusedLink
from notifier.receivers.pagerduty.events import MAX_DEDUP_CHARS, MAX_EVENT_BYTES, MAX_SUMMARY_CHARS
from notifier.receivers.pagerduty.events import render as write_event
from notifier.receivers.plain import MAX_TEXT_CHARS, write_body, write_title
from notifier.receivers.slack.blocks import SlackPost, render
from notifier.receivers.slack.mention import read_mention
from notifier.receivers.slack.text import deaden
from notifier.receivers.text import clean_line, clean_lines, cut, measure, quote_url
from notifier.receivers.webhook.payload import render as write_payload
from notifier.sandbox.limits import errors_in

NASTY = (
    "<!channel>", "<!here|x>", "<@U024BE7LH>", "<https://evil.example|Sign>", "*x*", "_x_", "~x~", "`x`",
    "```", ":smile:", ":+1::skin-tone-2:", "https://evil.example/a_b", "evil.example", "www.evil.no",
    "me@evil.example", "@channel", "#general", "slack://open", "mailto:a@b.no", "&lt;!channel&gt;", "&", ">",
    "\n> quote", "\n", "\r\n", "\u2028", "\x00", "\x1b[31m", "\u202e", "\u2066", "\u200b", "\u200d",
    "\ufeff", "\ud800", "\udfff", "\u3164", "\U000e0041", "\u2060", "e" + "\u0301" * 50, "😀", "👩‍💻",
    "🇳🇴", "ﷺ", "æøå", "\t", " ", "\u00a0", "•", "1. ",
)  # fmt: skip
pieces = st.sampled_from(NASTY) | st.text(max_size=8)
outside = st.builds(
    lambda parts, times: Outside("".join(parts) * times),
    st.lists(pieces, max_size=4),
    st.sampled_from([1, 1, 1, 300]),
)
words = st.sampled_from(["", "Dintero says", "Open the link & sign", "A < B", "W" * 500])
moments = st.builds(
    Moment,
    words,
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
links = st.builds(Link, outside.map(lambda tail: f"https://sign.example/{tail}"), words)


def make_message(**fields: Any) -> Message:
    """Return a message with some fields: Hypothesis would make up the others, which hold words of ours."""
    return Message(**fields)


messages = st.builds(
    make_message,
    notification_id=st.just("ntf_1"),
    topic=st.just("declined"),
    mood=st.sampled_from(Mood),
    headline=words,
    headline_value=outside,
    account_id=st.sampled_from(["", "P12345678"]),
    connection=outside,
    is_test=st.booleans(),
    merchant=outside,
    advice=words,
    action=st.none() | links | st.builds(RefusedLink, outside, words),
    moments=st.lists(moments, max_size=8).map(tuple),
    facts=st.lists(st.builds(Fact, words, outside), max_size=12).map(tuple),
    backoffice=st.none() | links,
    event_id=outside,
    wants_mention=st.booleans(),
)

OURS = re.compile(
    r"<!date\^-?[0-9]+\^\{date_short_pretty\} at \{time\}\|[^<>|]*>"
    r"|<!subteam\^S024BE7LH>"
    r"|<https://sign\.example/[^<>| ]*\|[^<>|]*>"
)
DANGEROUS = re.compile(r"<[!@]|[*~`]|\w+://\w|@\w|:[a-z0-9_+'-]+:|[^\W\d_]\.[^\W\d_]")
"""What some service or other makes a mention, an emoji, a link or bold type of."""
PAYLOAD = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/webhook-payload.schema.json").read_text(encoding="utf-8"))
)
ALIVE = re.compile(
    r"[<>*~`\r\u2028\u2029]"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|:[a-z0-9_+'-]+:"
    r"|\w+:[^\s\u2060]"
    r"|[^\W_]\.[^\W_]"
    r"|@\w|#\w"
    r"|(?m:^(&gt;|•|-\s))"
)


def find_alive(markup: str) -> str:
    """Return the first part of mrkdwn that Slack would interpret and that is not of our own making."""
    found = ALIVE.search(OURS.sub("", markup))
    return found[0] if found else ""


def find_texts(part: Any) -> list[tuple[str, str]]:
    """Return every text in blocks with the type of the object that it stands in."""
    if isinstance(part, list | tuple):
        return [text for one in part for text in find_texts(one)]
    if not isinstance(part, dict):
        return []
    kind = part.get("type", "")
    own = [(kind, part["text"])] if isinstance(part.get("text"), str) else []
    return own + [text for value in part.values() for text in find_texts(value)]


def assert_visible(text: str) -> None:
    """Assert that a text has no character that cannot be seen, our own word joiners and line ends apart."""
    for character in text.replace("\u2060", "").replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}, repr(character)


def assert_within_limits(post: SlackPost) -> None:
    """Assert that Slack takes a post: its rules for blocks, and its limits for the whole."""
    assert errors_in(list(post.blocks)) == []
    assert len(post.blocks) <= 5
    assert len(json.dumps(post.blocks, ensure_ascii=False)) < 13_000
    assert 0 < measure(post.text) <= 4_000 or not post.text
    assert len(json.dumps(post.metadata)) < 8_000


@dataclass(frozen=True)
class Case:
    """A message that does not print itself: hypothesis warns of long ones."""

    message: Message = field(repr=False)


@settings(max_examples=40, deadline=None)
@given(st.builds(Case, messages))
def test_no_outside_text_comes_alive_or_breaks_a_limit(case: Case) -> None:
    """Any message must be taken by Slack, be valid JSON, and show outside text as nothing but text."""
    for is_plain in (False, True):
        post = render(case.message, read_mention("S024BE7LH"), is_plain=is_plain)
        assert_within_limits(post)
        json.dumps([post.blocks, post.metadata, post.text], ensure_ascii=False).encode()
        assert find_alive(post.text) == ""
        assert_visible(post.text)
        for kind, text in find_texts(post.blocks):
            assert_visible(text)
            assert kind in {"text", "link", "plain_text"} or find_alive(text) == ""


def assert_machines_take(message: Message) -> None:
    """Assert that PagerDuty's event and the webhook's payload are bounded, visible, and of their shape."""
    for is_plain in (False, True):
        event = write_event(message, "k" * 32, is_plain=is_plain)
        assert len(event) <= MAX_EVENT_BYTES
        body = json.loads(event)
        assert len(body["dedup_key"]) <= MAX_DEDUP_CHARS
        if not message.is_over:
            assert 0 < len(body["payload"]["summary"]) <= MAX_SUMMARY_CHARS
            assert body["payload"]["source"]
            assert_visible("".join(set(json.dumps([body["payload"], body["client"]], ensure_ascii=False))))
    payload = json.loads(write_payload(message))
    PAYLOAD.validate(payload)
    shown = {key: value for key, value in payload.items() if key not in {"signature_link", "backoffice"}}
    assert_visible("".join(set(json.dumps(shown, ensure_ascii=False))))


def assert_plain_text_is_dead(message: Message) -> None:
    """Assert that plain text is bounded, and that whatever shows it finds no markup of outside in it."""
    title, body = write_title(message), write_body(message)
    assert len(title) <= 1_000
    assert len(body) <= MAX_TEXT_CHARS
    assert_visible("".join(set(title + body)))
    ours = [message.action, message.backoffice]
    lines = [f"{cut(one.label, 80) or 'Open'}: {quote_url(one.url)}" for one in ours if isinstance(one, Link)]
    lines += [f"{moment.label[:40]}" for moment in message.moments]
    for line in (title, *body.splitlines()):
        if not any(line.startswith(one) for one in lines if one) and "https://sign.example/" not in line:
            assert not DANGEROUS.search(line), line


@settings(max_examples=40, deadline=None)
@given(st.builds(Case, messages), st.booleans())
def test_other_receivers_take_any_message(case: Case, is_over: bool) -> None:
    """Any message must be taken by every kind, within its limits, and with outside text as mere text."""
    message = case.message._replace(
        is_over=is_over,
        lines=tuple(Line(fact.label, fact.value) for fact in case.message.facts),
        status=case.message.merchant,
    )
    assert_machines_take(message)
    assert_plain_text_is_dead(message)


@settings(max_examples=60, deadline=None)
@given(outside, st.integers(min_value=1, max_value=200))
def test_cleaned_text_is_bounded_and_stable(text: str, limit: int) -> None:
    """Cleaning must keep to its bound, leave one line, and find nothing more to clean the second time."""
    line = clean_line(text, limit)
    assert measure(line) <= limit
    assert "\n" not in line
    assert clean_line(line, limit) == line
    assert clean_lines(text, limit, 3).count("\n") <= 2
    assert_visible(line)


@settings(max_examples=60, deadline=None)
@given(outside)
def test_deadened_text_is_dead(text: str) -> None:
    """No text may keep markup, an emoji, an address or a mention alive."""
    assert find_alive(f"Says: {deaden(clean_line(text, 300))}") == ""


def test_checker_finds_what_is_alive() -> None:
    """The checker itself must see every kind of live text, or it would prove nothing."""
    for alive in (
        "<!channel>",
        "*x*",
        "_x_",
        "~x~",
        "`x`",
        ":smile:",
        "https://e",
        "e.example",
        "@here",
        "&gt; x",
    ):
        assert find_alive(alive), alive


def test_words_of_every_script_stay_readable() -> None:
    """Cleaning must not touch what people write: letters, marks, emoji, digits."""
    for text in (
        "Ærlig Øl & Åre AS",
        "ภาษาไทยดีที่สุด",
        "हिन्दी में",
        "日本語、テスト",
        "Tiếng Việt",
        "שָׁלוֹם",
        "😀 ok",
        "a_b",
    ):
        assert clean_line(text, 100) == unicodedata.normalize("NFC", text)


def test_mark_floods_are_bounded() -> None:
    """A letter must not carry so many marks that it runs over other lines."""
    assert clean_line("e" + "\u0316" * 500, 300) == "e" + "\u0316" * 4


def test_cut_counts_as_slack_does() -> None:
    """An emoji counts twice, and what is cut must say so."""
    assert cut("😀😀😀", 6) == "😀😀😀"
    assert cut("😀😀😀", 5) == "😀😀…"
    assert cut("abcdef", 3) == "ab…"
    assert clean_lines("a\n\n\nb\nc\nd", 100, 2) == "a\nb…"
