"""Slack's limits for blocks, checked as Slack checks them.

Sources: Slack's Block Kit reference (blocks, block elements, composition objects; read
2026-08). `errors_in(blocks)` returns messages in the form in which `chat.postMessage`
gives them with `invalid_blocks`:

    [ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_BLOCKS = 50
MAX_TEXT_IN_BLOCKS = 13_000
MAX_MESSAGE_TEXT = 40_000
MAX_SECTION_TEXT = 3000
MAX_URL = 3000

Errors = list[str]
Rule = Callable[[object, str, Errors], None]
"""Checks a value at a JSON pointer and appends what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an object; a field that is in neither mapping is an error."""

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    """At least one of these fields must be there."""

    def __call__(self, value: object, pointer: str, errors: Errors) -> None:
        """Check an object field by field."""
        if not isinstance(value, dict):
            _add(errors, "must be an object", pointer)
            return
        for name in self.required:
            if name not in value:
                _add(errors, f"missing required field: {name}", pointer)
        if self.one_of and not any(name in value for name in self.one_of):
            _add(errors, f"missing required field: {self.one_of[0]}", pointer)
        for name, held in value.items():
            rule = self.required.get(name) or self.optional.get(name)
            if rule is None:
                _add(errors, f"invalid additional property: {name}", pointer)
            else:
                rule(held, f"{pointer}/{name}", errors)


def _add(errors: Errors, problem: str, pointer: str) -> None:
    errors.append(f"[ERROR] {problem} [json-pointer:{pointer}]")


def string(max_length: int, min_length: int = 1) -> Rule:
    """Return a rule for a string with a length between the two, both included."""

    def check(value: object, pointer: str, errors: Errors) -> None:
        if not isinstance(value, str):
            _add(errors, "must be a string", pointer)
        elif len(value) > max_length:
            _add(errors, f"must be less than {max_length + 1} characters", pointer)
        elif len(value) < min_length:
            _add(errors, f"must be more than {min_length - 1} characters", pointer)

    return check


def one_of(*allowed: object) -> Rule:
    """Return a rule for one of these values."""

    def check(value: object, pointer: str, errors: Errors) -> None:
        if not any(value == choice and type(value) is type(choice) for choice in allowed):
            _add(errors, f"must be a valid enum value, one of {list(allowed)}", pointer)

    return check


def list_of(rule: Rule, max_items: int, min_items: int = 1) -> Rule:
    """Return a rule for a list of so many items, each of which obeys another rule."""

    def check(value: object, pointer: str, errors: Errors) -> None:
        if not isinstance(value, list):
            _add(errors, "must be an array", pointer)
            return
        if len(value) > max_items:
            _add(errors, f"no more than {max_items} items allowed", pointer)
        if len(value) < min_items:
            _add(errors, f"no fewer than {min_items} items allowed", pointer)
        for index, item in enumerate(value):
            rule(item, f"{pointer}/{index}", errors)

    return check


def typed(shapes: Mapping[str, Rule]) -> Rule:
    """Return a rule for an object whose `type` says which shape it has."""

    def check(value: object, pointer: str, errors: Errors) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        shape = shapes.get(kind) if isinstance(kind, str) else None
        if shape is None:
            _add(errors, f"unsupported type: {kind}", f"{pointer}/type")
        else:
            shape(value, pointer, errors)

    return check


def anything(value: object, pointer: str, errors: Errors) -> None:
    """Accept any value: what the sandbox does not check."""


def boolean(value: object, pointer: str, errors: Errors) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        _add(errors, "must be a boolean", pointer)


def integer(value: object, pointer: str, errors: Errors) -> None:
    """Accept whole numbers."""
    if isinstance(value, bool) or not isinstance(value, int):
        _add(errors, "must be an integer", pointer)


def address(value: object, pointer: str, errors: Errors) -> None:
    """Accept an address that a button may open."""
    string(MAX_URL)(value, pointer, errors)
    if isinstance(value, str) and not value.lower().startswith(("http://", "https://", "mailto:")):
        _add(errors, "must be a valid URL", pointer)


def text_object(max_length: int, *kinds: str) -> Rule:
    """Return a rule for a text object of one of these kinds (default: both)."""
    text = string(max_length)
    shapes: dict[str, Rule] = {
        "plain_text": Shape({"type": anything, "text": text}, {"emoji": boolean}),
        "mrkdwn": Shape({"type": anything, "text": text}, {"verbatim": boolean}),
    }
    return typed({kind: shapes[kind] for kind in kinds or shapes})


def _inline_elements() -> dict[str, Rule]:
    """Return the shapes of what stands in a line of rich text, by their `type`."""
    style = Shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
    styled = {"style": style}
    kind = {"type": anything}
    text = Shape({**kind, "text": string(MAX_TEXT_IN_BLOCKS)}, styled)
    link = Shape(
        {**kind, "url": string(MAX_URL)}, {**styled, "text": string(MAX_TEXT_IN_BLOCKS), "unsafe": boolean}
    )
    return {
        "text": text,
        "link": link,
        "emoji": Shape(
            {**kind, "name": string(255)}, {**styled, "unicode": string(255), "skin_tone": integer}
        ),
        "user": Shape({**kind, "user_id": string(255)}, styled),
        "usergroup": Shape({**kind, "usergroup_id": string(255)}, styled),
        "channel": Shape({**kind, "channel_id": string(255)}, styled),
        "broadcast": Shape({**kind, "range": one_of("here", "channel", "everyone")}, styled),
        "color": Shape({**kind, "value": string(255)}, styled),
        "date": Shape(
            {**kind, "timestamp": integer, "format": string(255)},
            {**styled, "url": string(MAX_URL), "fallback": string(MAX_SECTION_TEXT)},
        ),
    }


def _rich_text() -> Rule:
    kind = {"type": anything}
    inline = _inline_elements()
    elements = list_of(typed(inline), 1000, min_items=0)
    preformatted = {name: inline[name] for name in ("text", "link")}
    border = {"border": one_of(0, 1)}
    section = Shape({**kind, "elements": elements})
    parts: dict[str, Rule] = {
        "rich_text_section": section,
        "rich_text_quote": Shape({**kind, "elements": elements}, border),
        "rich_text_preformatted": Shape(
            {**kind, "elements": list_of(typed(preformatted), 1000, min_items=0)},
            {**border, "language": string(50)},
        ),
        "rich_text_list": Shape(
            {
                **kind,
                "style": one_of("bullet", "ordered"),
                "elements": list_of(typed({"rich_text_section": section}), 1000),
            },
            {**border, "indent": integer, "offset": integer},
        ),
    }
    return list_of(typed(parts), 1000)


def _interactive_elements() -> dict[str, Rule]:
    """Return the shapes of what people can press or choose from, by their `type`."""
    button = Shape(
        {"type": anything, "text": text_object(75, "plain_text")},
        {
            "action_id": string(255),
            "url": address,
            "value": string(2000),
            "style": one_of("primary", "danger"),
            "confirm": anything,
            "accessibility_label": string(75),
        },
    )
    menus = ("static_select", "users_select", "channels_select", "conversations_select")
    others: dict[str, Rule] = dict.fromkeys((*menus, "overflow", "datepicker", "checkboxes"), anything)
    return {"button": button, **others}


def _blocks() -> Rule:
    block = {"type": anything}
    block_id = {"block_id": string(255)}
    plain = "plain_text"
    image_element = Shape(
        {"type": anything, "alt_text": string(2000)},
        {"image_url": address, "slack_file": anything},
        one_of=("image_url", "slack_file"),
    )
    interactive = _interactive_elements()
    texts: dict[str, Rule] = {
        "plain_text": text_object(MAX_SECTION_TEXT, plain),
        "mrkdwn": text_object(MAX_SECTION_TEXT, "mrkdwn"),
    }
    shapes: dict[str, Rule] = {
        "header": Shape({**block, "text": text_object(150, plain)}, {**block_id, "level": integer}),
        "divider": Shape(block, block_id),
        "section": Shape(
            block,
            {
                **block_id,
                "text": text_object(MAX_SECTION_TEXT),
                "fields": list_of(text_object(2000), 10),
                "accessory": typed({**interactive, "image": image_element}),
                "expand": boolean,
            },
            one_of=("text", "fields"),
        ),
        "context": Shape(
            {**block, "elements": list_of(typed({**texts, "image": image_element}), 10)}, block_id
        ),
        "actions": Shape({**block, "elements": list_of(typed(interactive), 25)}, block_id),
        "image": Shape(
            {**block, "alt_text": string(2000)},
            {**block_id, "image_url": address, "slack_file": anything, "title": text_object(2000, plain)},
            one_of=("image_url", "slack_file"),
        ),
        "rich_text": Shape({**block, "elements": _rich_text()}, block_id),
    }
    return list_of(typed(shapes), MAX_BLOCKS, min_items=0)


_BLOCKS = _blocks()


def errors_in(blocks: object) -> Errors:
    """Return what Slack would say against these blocks; nothing if it would take them."""
    errors: Errors = []
    _BLOCKS(blocks, "/blocks", errors)
    if not errors and isinstance(blocks, list):
        ids = [block["block_id"] for block in blocks if "block_id" in block]
        if len(set(ids)) < len(ids):
            _add(errors, "block_id must be unique", "/blocks")
    return errors


def text_length(blocks: object) -> int:
    """Return how much text blocks hold: every string under `text` and `url`."""
    if isinstance(blocks, list):
        return sum(text_length(block) for block in blocks)
    if not isinstance(blocks, dict):
        return 0
    return sum(
        len(value) if isinstance(value, str) and key in ("text", "url") else text_length(value)
        for key, value in blocks.items()
    )
