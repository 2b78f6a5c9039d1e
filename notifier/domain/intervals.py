"""Time intervals, in which routes are mute or active, as in Alertmanager.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval, read 2026-11. An interval is about
the clock and the calendar on the wall: from 08:00 to 16:00 is as long as the wall says, also when it is put
forward or back.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from notifier.domain.calendar import MINUTES_A_DAY, at_minute, is_never

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_A_YEAR_DAYS: Final = 366
_LEAP_YEARS_DAYS: Final = 366 * 9
"""The 29th of February comes within so many."""
_MOST_CHANGES: Final = 1000
_LAST_DAY: Final = 31
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


class Holidays(StrEnum):
    """What an interval makes of holidays."""

    ANY = "any"
    """A day is a day."""
    ONLY = "only"
    EXCEPT = "except"


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """The instants at which every given field fits; an empty one fits always.

    `weekdays` are from 0 (Monday), `months` from 1. `times` are minutes from midnight, the second not
    included (1440 is the midnight after). `days_of_month` are from 1, or from -1 back from the month's last,
    both included.
    """

    name: str
    zone: tzinfo = UTC
    weekdays: frozenset[int] = frozenset()
    times: tuple[tuple[int, int], ...] = ()
    months: frozenset[int] = frozenset()
    days_of_month: tuple[tuple[int, int], ...] = ()
    holidays: Holidays = Holidays.ANY
    is_holiday: Callable[[date], bool] = is_never

    def has_day(self, day: date) -> bool:
        """Whether any time of a day is in it."""
        return (
            (not self.weekdays or day.weekday() in self.weekdays)
            and (not self.months or day.month in self.months)
            and (not self.days_of_month or any(_is_within(day, span) for span in self.days_of_month))
            and (self.holidays is Holidays.ANY or self.is_holiday(day) == (self.holidays is Holidays.ONLY))
        )


@dataclass(frozen=True, slots=True)
class Mute:
    """Why a route tells nothing now: an interval it is mute in ("" where it is outside its active ones).

    `ends_at` is when that is over, None where no end is in sight.
    """

    interval: str
    ends_at: datetime | None


def contains(interval: TimeInterval, at: datetime) -> bool:
    """Whether an instant is within an interval."""
    wall = at.astimezone(interval.zone)
    minute = wall.hour * 60 + wall.minute
    is_time = not interval.times or any(start <= minute < end for start, end in interval.times)
    return is_time and interval.has_day(wall.date())


def next_change(interval: TimeInterval, after: datetime) -> datetime | None:
    """Return the first instant later than `after` at which an interval begins or ends, in UTC.

    None where it does neither within a year, or within nine where days of a month are given.
    """
    is_inside = contains(interval, after)
    moment = after.astimezone(UTC)
    try:
        for at in _list_edges(interval, moment):
            if at > moment and contains(interval, at) != is_inside:
                return at
    except OverflowError:  # The calendar of mankind ends here.
        return None
    return None


def ends_at(interval: TimeInterval, at: datetime) -> datetime | None:
    """Return when an interval that contains `at` ends; None where it does not contain it, or never ends."""
    return next_change(interval, at) if contains(interval, at) else None


def find_mute(
    mutes: tuple[str, ...], actives: tuple[str, ...], intervals: Mapping[str, TimeInterval], now: datetime
) -> Mute | None:
    """Return why a route with these intervals, by name, tells nothing now; None where it does."""
    found = find_muting(mutes, actives, intervals, now)
    if found is None:
        return None
    concerned = [intervals[name] for name in dict.fromkeys((*mutes, *actives))]
    at: datetime | None = now
    for _ in range(_MOST_CHANGES):
        if at is None or find_muting(mutes, actives, intervals, at) is None:
            break
        changes = [next_change(one, at) for one in concerned]
        at = min((change for change in changes if change is not None), default=None)
    else:
        at = None
    return Mute(found, at)


def find_muting(
    mutes: tuple[str, ...], actives: tuple[str, ...], intervals: Mapping[str, TimeInterval], at: datetime
) -> str | None:
    """Return the interval that mutes a route then, "" outside of its active ones; None where nothing does."""
    for name in mutes:
        if contains(intervals[name], at):
            return name
    return "" if actives and not any(contains(intervals[name], at) for name in actives) else None


def _list_edges(interval: TimeInterval, moment: datetime) -> Iterator[datetime]:
    """Give every instant from the day of `moment` on at which an interval could begin or end, in order."""
    day = moment.astimezone(interval.zone).date()
    was_day = interval.has_day(day - _DAY)
    edges = sorted({0, *(minute for span in interval.times for minute in span if minute < MINUTES_A_DAY)})
    for _ in range(_LEAP_YEARS_DAYS if interval.days_of_month else _A_YEAR_DAYS):
        is_day = interval.has_day(day)
        # Between days that are alike nothing happens but at the edges of times.
        if is_day != was_day or (is_day and interval.times):
            found = {at_minute(day, minute, interval.zone, fold) for minute in edges for fold in (0, 1)}
            yield from sorted(found | set(_list_shifts(day, interval.zone)))
        day, was_day = day + _DAY, is_day


def _list_shifts(day: date, zone: tzinfo) -> Iterator[datetime]:
    """Give the instant of a day at which the clock on the wall is put forward or back."""
    low, high = at_minute(day, 0, zone), at_minute(day + _DAY, 0, zone)
    before = low.astimezone(zone).utcoffset()
    if before == high.astimezone(zone).utcoffset():
        return
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    yield high


def _is_within(day: date, span: tuple[int, int]) -> bool:
    length = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    first, last = (number if number > 0 else length.day + 1 + number for number in span)
    return first <= day.day <= last


def read_weekdays(texts: Iterable[str]) -> frozenset[int]:
    """Read days of the week such as "mon" and "sat-sun"; raises ValueError with what was expected."""
    return _read_names(texts, WEEKDAYS, 'a day of the week such as "mon", or days such as "mon-fri"', 0)


def read_months(texts: Iterable[str]) -> frozenset[int]:
    """Read months such as "jan" and "jun-aug"; raises ValueError with what was expected."""
    return _read_names(texts, MONTHS, 'a month such as "jan", or months such as "jun-aug"', 1)


def _read_names(texts: Iterable[str], names: tuple[str, ...], expected: str, base: int) -> frozenset[int]:
    found: set[int] = set()
    for text in texts:
        first, _, last = text.lower().partition("-")
        if first not in names or (last or first) not in names or text.endswith("-"):
            raise ValueError(f"expected {expected}")
        start, end = names.index(first), names.index(last or first)
        # From saturday to monday goes over the end of the week.
        count = (end - start) % len(names) + 1
        found |= {(start + number) % len(names) + base for number in range(count)}
    return frozenset(found)


def read_times(text: str) -> tuple[int, int]:
    """Read times of a day such as "08:00-16:00" as minutes; raises ValueError with what was expected."""
    start, _, end = text.partition("-")
    if not (_CLOCK.fullmatch(start) and _CLOCK.fullmatch(end)):
        raise ValueError('expected times of a day such as "08:00-16:00" ("24:00" is its end)')
    first, last = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (start, end))
    if first >= last:
        raise ValueError(
            'expected an end later than the start: for a night write "22:00-24:00" and "00:00-06:00"'
        )
    return first, last


def read_days_of_month(text: str) -> tuple[int, int]:
    """Read days of a month such as "1", "1:7" or "-3:-1"; raises ValueError with what was expected."""
    match = re.fullmatch(r"(-?[0-9]{1,2})(?::(-?[0-9]{1,2}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not all(1 <= abs(number) <= _LAST_DAY for number in (first, last)):
        raise ValueError('expected days of a month such as "1", "1:7" or, counted from its end, "-3:-1"')
    if (first > 0) == (last > 0) and first > last:
        raise ValueError("expected a last day that is not before the first")
    return first, last
