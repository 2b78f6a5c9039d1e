"""The forms of single values of routes, time intervals and reminders; `forms` says how checks behave."""

from itertools import pairwise
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from notifier.domain import intervals
from notifier.domain.globs import is_sound
from notifier.holiday_calendar import check_region
from notifier.settings.forms import Number, without_duplicates
from notifier.settings.values import Hours

_LONGEST_TEXT: Final = 200
_LONGEST_TITLE: Final = 60


def check_merchant_glob(text: str) -> str:
    """Return a pattern for names that people typed."""
    if not 1 <= len(text) <= _LONGEST_TEXT or not text.isprintable() or not is_sound(text):
        raise ValueError("expected a pattern for a merchant's name, in which * stands for anything")
    return text


def check_title(text: str) -> str:
    """Return a few words."""
    if not text.strip() or len(text) > _LONGEST_TITLE or not text.isprintable():
        raise ValueError(f"expected a few words on one line, {_LONGEST_TITLE} characters at the most")
    return text.strip()


def check_time_zone(name: str) -> str:
    """Return the name of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("expected the name of a time zone, such as Europe/Oslo") from None
    return name


def check_hours(text: str) -> str:
    """Return the times of a day."""
    intervals.read_times(text)
    return text


def check_weekday(text: str) -> str:
    """Return a day of the week, or days from one to another."""
    intervals.read_weekdays((text,))
    return text


def check_month(text: str) -> str:
    """Return a month, or months from one to another."""
    intervals.read_months((text,))
    return text


def check_days_of_month(text: str) -> str:
    """Return a day of a month, or days from one to another."""
    intervals.read_days_of_month(text)
    return text


def check_no_region(text: str) -> str:
    """Return a region whose holidays count, or "" for none."""
    return check_region(text) if text else text


def check_rising(hours: tuple[float, ...]) -> tuple[float, ...]:
    """Return hours, each of which is later than the one before."""
    if any(later <= earlier for earlier, later in pairwise(hours)):
        raise ValueError("expected each to be more than the one before it")
    return hours


MerchantGlob: TypeAlias = Annotated[str, AfterValidator(check_merchant_glob)]
Title: TypeAlias = Annotated[str, AfterValidator(check_title)]
TimeZone: TypeAlias = Annotated[str, AfterValidator(check_time_zone)]
DayHours: TypeAlias = Annotated[str, AfterValidator(check_hours)]
Weekday: TypeAlias = Annotated[str, AfterValidator(check_weekday)]
Month: TypeAlias = Annotated[str, AfterValidator(check_month)]
DaysOfMonth: TypeAlias = Annotated[str, AfterValidator(check_days_of_month)]
Region: TypeAlias = Annotated[str, AfterValidator(check_no_region)]
MerchantGlobs: TypeAlias = Annotated[tuple[MerchantGlob, ...], AfterValidator(without_duplicates)]
Weekdays: TypeAlias = Annotated[tuple[Weekday, ...], Field(min_length=1)]
RisingHours: TypeAlias = Annotated[tuple[Hours, ...], AfterValidator(check_rising)]
Ordinal: TypeAlias = Annotated[int, BeforeValidator(Number(0, 1000, is_whole=True))]
