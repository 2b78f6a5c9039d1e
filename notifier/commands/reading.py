"""Instants, durations and matchers as they are written on a command line."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from notifier.domain.silences import Matcher

LONGEST: Final = timedelta(days=3660)

_DURATION: Final = re.compile(r"(?:(\d{1,4})w)?(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?")
_MOST_CHARACTERS: Final = 500


def read_instant(text: str) -> datetime:
    """Read an instant such as 2026-11-22T18:00+01:00; one without an offset names no instant."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError("expected an instant with its offset, such as 2026-11-22T18:00+01:00")


def read_duration(text: str) -> timedelta:
    """Read a duration such as 30m, 2h, 3d or 1w2d."""
    match = _DURATION.fullmatch(text.strip().lower())
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < span <= LONGEST:
        raise argparse.ArgumentTypeError(
            "expected a duration of no more than ten years, such as 30m, 2h or 3d"
        )
    return span


def read_matcher(text: str) -> "Matcher":
    """Read a matcher of a silence."""
    from notifier.domain import silences

    try:
        return silences.read_matcher(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def read_words(text: str) -> str:
    """Read a few words on one line."""
    words = text.strip()
    if not words or len(words) > _MOST_CHARACTERS or not words.isprintable():
        raise argparse.ArgumentTypeError(
            f"expected words on one line, {_MOST_CHARACTERS} characters at the most"
        )
    return words
