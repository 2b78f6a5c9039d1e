"""Text from outside, made harmless: rid of what cannot be seen, bounded, and dead where markup is read.

Source: Unicode 15, Default_Ignorable_Code_Point and Bidi_Control.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

ELLIPSIS: Final = "…"
_READ_CHARS: Final = 4_000
"""No more of a text is looked at: what is shown is at most a quarter of it."""

_MAX_MARKS: Final = 4
"""Combining marks that one letter may carry: enough for every script, too few to climb over a line."""

_BREAKS: Final = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")

# Letters and marks that show nothing, beside the categories that never show anything.
_BLANKS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff]"
)
_URL_SAFE: Final = "!#$%&'()+,/:;=?@[]~-._"
_UNSAFE: Final = re.compile(f"[^A-Za-z0-9{re.escape(_URL_SAFE)}]")

# In mrkdwn and Markdown these make bold, italic, struck and code; their doubles look alike and mean nothing.
_LOOKALIKES: Final = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_EDGE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# What makes an address, an emoji or a mention of a plain word: a word joiner after it makes it a plain word.
_JOINTS: Final = re.compile(r"([:.@#/])(?=\S)")
_LIVELY: Final = re.compile(r"[*~`_:.@#/]")
"""One of these is in every text that is not dead."""
_WORD_JOINER: Final = "\u2060"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clean_line(text: str, limit: int) -> str:
    """Return a text as one line of at most `limit` characters, with nothing in it that cannot be seen."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        # Nearly every text is as it should be.
        return text.strip(" ")
    return cut(" ".join(_clean(text).split()), limit)


def clean_lines(text: str, limit: int, max_lines: int) -> str:
    """Return a text as at most `max_lines` lines and `limit` characters, without empty lines."""
    lines = [" ".join(line.split()) for line in _clean(text).split("\n")]
    full = [line for line in lines if line]
    kept = "\n".join(full[:max_lines])
    return cut(kept + ELLIPSIS, limit) if len(full) > max_lines else cut(kept, limit)


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` UTF-16 units (which Slack counts), "…" where something is missing."""
    # No character takes more than two units.
    if 2 * len(text) <= limit or measure(text) <= limit:
        return text
    units = 1
    for index, character in enumerate(text):
        units += 1 + (character > "\uffff")
        if units > limit:
            return text[:index].rstrip() + ELLIPSIS
    return text


def measure(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def deaden_marks(text: str) -> str:
    """Return cleaned text from outside of which no part makes markup, a link, a mention or an emoji.

    `&`, `<` and `>` stay: whether and how they are escaped is the format's own matter.
    """
    if _LIVELY.search(text) is None:
        return text
    quiet = _EDGE_UNDERSCORE.sub("\uff3f", text.translate(_LOOKALIKES))
    return _JOINTS.sub(rf"\1{_WORD_JOINER}", quiet)


def quote_url(url: str) -> str:
    """Return an address in which everything is percent-encoded that could end it (`|`, `>`, spaces)."""
    return quote(url, safe=_URL_SAFE, errors="replace") if _UNSAFE.search(url) else url


def write_utc(at: datetime) -> str:
    """Return an instant for a person: `22 Nov 2025, 10:00 UTC`."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc.hour:02}:{utc.minute:02} UTC"


def _clean(text: str) -> str:
    read = text[:_READ_CHARS]
    if read.isascii() and read.isprintable():
        return read
    normal = unicodedata.normalize("NFC", read)
    kept: list[str] = []
    marks = 0
    for character in _BLANKS.sub("", normal):
        if character in _BREAKS:
            kept.append("\n")
            continue
        category = unicodedata.category(character)
        if category[0] == "M":
            marks += 1
            if marks > _MAX_MARKS:
                continue
        else:
            marks = 0
        if category[0] == "Z" or character == "\t":
            kept.append(" ")
        elif category not in {"Cc", "Cf", "Cs", "Co"}:
            kept.append(character)
    return "".join(kept)
