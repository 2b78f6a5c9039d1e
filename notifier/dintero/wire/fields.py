"""Single JSON values, read so that a strange one costs itself and nothing else.

Every field is kept as `msgspec.Raw` (its bytes) until it is asked for: a field that nobody asks for never
becomes a value, and a field of the wrong type spoils no neighbour.
"""

import re
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

LINK_CHARACTERS: Final = 8_000
DESCRIPTION_CHARACTERS: Final = 20_000

EMPTY: Final = msgspec.Raw()
FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)

_TEXT: Final = msgspec.json.Decoder(str)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]{0,63}")
# One escape at a time, so that the second half of `\\ud800` (a backslash, then text) is no escape.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|[^\xff])"
)


class Undecodable(ValueError):
    """These bytes are not the JSON that was expected; the text says what they are, and quotes nothing."""


def decode(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """Decode, after a repair where plain decoding fails. Raises Undecodable."""
    try:
        return decoder.decode(data)
    except FAULTS:
        pass
    try:
        return decoder.decode(repair(bytes(data)))
    except msgspec.ValidationError:
        reason = "JSON of another shape than Dintero documents"
    except RecursionError:
        reason = "JSON nested too deep"
    except FAULTS:
        reason = _describe(bytes(data[:256]) if isinstance(data, bytes) else b"{")
    raise Undecodable(reason)


def repair(data: bytes) -> bytes:
    """Replace what no JSON text can hold, each by U+FFFD.

    Half a surrogate pair is what JavaScript makes of an emoji that was cut in two: one in a description must
    not cost the page that it stands on.
    """
    text = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], text)


def _describe(start: bytes) -> str:
    """Say what the beginning of something that is no JSON looks like."""
    start = start.strip()
    if not start:
        return "an empty body"
    return "HTML instead of JSON" if start.startswith(b"<") else "no valid JSON"


def is_absent(raw: msgspec.Raw) -> bool:
    """Whether the field is missing or null."""
    data = bytes(raw)
    return data in {b"", b"null"}


def is_object(raw: msgspec.Raw) -> bool:
    """Whether the value is a JSON object."""
    return bytes(raw).startswith(b"{")


def read_text(raw: msgspec.Raw) -> str | None:
    """Read a text; None for anything else. NUL, which PostgreSQL cannot keep, becomes U+FFFD."""
    if is_absent(raw):
        return None
    try:
        return decode(_TEXT, raw).replace("\0", "\ufffd")
    except Undecodable:
        return None


def read_label(raw: msgspec.Raw) -> str | None:
    """Read an id, a status or a name: a text that is not empty, or a number as its text."""
    data = bytes(raw)
    if _NUMBER.fullmatch(data):
        return data.decode()
    return read_text(raw) or None


def read_instant(raw: msgspec.Raw) -> datetime | None:
    """Read an ISO 8601 date-time as aware UTC (a naive one is taken for UTC); None for anything else."""
    text = read_text(raw)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_json(raw: msgspec.Raw) -> str | None:
    """Read a text as it is, and any other value as its JSON text; None where there is nothing."""
    if is_absent(raw):
        return None
    text = read_text(raw)
    if text is None:
        text = bytes(raw).decode("utf-8", "replace").replace("\0", "\ufffd")
    return text or None


def read_list(raw: msgspec.Raw) -> list[msgspec.Raw] | None:
    """Read a list's elements; [] for a missing or null one, None for what is no list."""
    if is_absent(raw):
        return []
    try:
        return decode(_LIST, raw)
    except Undecodable:
        return None


def read_object(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """Read an object's members; None for what is no object."""
    try:
        return decode(_OBJECT, raw)
    except Undecodable:
        return None
