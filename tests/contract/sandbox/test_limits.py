"""Slack's limits for blocks, as the sandbox enforces them."""

from typing import Any

import pytest

from notifier.sandbox.limits import errors_in, text_length

Json = dict[str, Any]


def section(text: str) -> Json:
    """Return a section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def rich(*elements: Json) -> Json:
    """Return a rich_text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def button(**fields: object) -> Json:
    """Return an actions block with one button."""
    element = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, **fields}
    return {"type": "actions", "elements": [element]}


GOOD: list[Json] = [
    {"type": "header", "text": {"type": "plain_text", "text": "H" * 150, "emoji": True}},
    section("x" * 3000),
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "f" * 2000}] * 10},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 10},
    {"type": "divider", "block_id": "d"},
    button(url="https://example.com/" + "u" * 2980, style="primary", action_id="a", value="v"),
    {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "a picture"},
    rich(
        {"type": "text", "text": "a", "style": {"bold": True, "italic": True, "strike": True, "code": True}},
        {"type": "link", "url": "https://example.com", "text": "here"},
        {"type": "emoji", "name": "wave"},
        {"type": "user", "user_id": "U1"},
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "broadcast", "range": "here"},
        {"type": "date", "timestamp": 1700000000, "format": "{date}", "fallback": "then"},
    ),
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_list",
                "style": "bullet",
                "indent": 0,
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
            },
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}], "border": 0},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "x"}]},
        ],
    },
]

BAD: list[tuple[Any, str]] = [
    ("text", "must be an array [json-pointer:/blocks]"),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "nonsense"}], "unsupported type: nonsense [json-pointer:/blocks/0/type]"),
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    (
        [{"type": "header", "text": {"type": "plain_text", "text": "H" * 151}}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "H"}}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    (
        [{"type": "section", "fields": [{"type": "mrkdwn", "text": "f"}] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([button(url="https://e.example/" + "u" * 3000)], "must be less than 3001 characters"),
    ([button(url="javascript:alert(1)")], "must be a valid URL [json-pointer:/blocks/0/elements/0/url]"),
    ([button(value="v" * 2001)], "must be less than 2001 characters"),
    ([button(action_id="a" * 256)], "must be less than 256 characters"),
    ([button(style="loud")], "must be a valid enum value"),
    ([{"type": "divider", "text": "x"}], "invalid additional property: text [json-pointer:/blocks/0]"),
    ([rich({"type": "text", "text": ""})], "must be more than 0 characters"),
    ([rich({"type": "text"})], "missing required field: text"),
    ([rich({"type": "link", "text": "no address"})], "missing required field: url"),
    ([rich({"type": "broadcast", "range": "all"})], "must be a valid enum value"),
    ([rich({"type": "mrkdwn", "text": "x"})], "unsupported type: mrkdwn"),
    ([rich({"type": "text", "text": "x", "style": {"loud": True}})], "invalid additional property: loud"),
    (
        [{"type": "divider", "block_id": "same"}, {"type": "divider", "block_id": "same"}],
        "block_id must be unique",
    ),
]


def test_good_blocks() -> None:
    """Blocks at the very edge of every limit are taken."""
    assert errors_in(GOOD) == []
    assert errors_in([]) == []


@pytest.mark.parametrize(("blocks", "problem"), BAD)
def test_bad_blocks(blocks: object, problem: str) -> None:
    """Blocks beyond a limit are refused, saying what is wrong and where."""
    errors = errors_in(blocks)
    assert len(errors) == 1
    assert errors[0].startswith("[ERROR] ")
    assert problem in errors[0]


def test_text_length_counts_texts_and_addresses() -> None:
    """The size of a message counts every text and address that its blocks hold."""
    blocks = [section("abc"), rich({"type": "link", "url": "https://e.example", "text": "here"})]
    assert text_length(blocks) == 3 + 17 + 4
