"""One week in a few lines: what was signed, what is open and since when, what failed or was declined."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from statistics import median
from typing import Any, Final

from notifier.domain.calendar import at_minute
from notifier.domain.identity import name_of
from notifier.domain.model import ENABLED
from notifier.domain.notices import Notice, NoticeKind

DECLINED: Final = "declined"
FAILED: Final = "failed"
_WEEK: Final = timedelta(days=7)
_AGES: Final = (
    (timedelta(days=1), "less than a day"),
    (timedelta(days=7), "less than a week"),
    (timedelta(days=14), "less than two weeks"),
    (timedelta(days=28), "less than four weeks"),
    (timedelta.max, "four weeks or more"),
)


@dataclass(frozen=True, slots=True)
class Appointment:
    """When a summary is written: `weekday` from 0 (Monday), at a minute from midnight by the clock there."""

    weekday: int
    minute: int
    zone: tzinfo

    def last_before(self, now: datetime) -> datetime:
        """Return the newest instant of it that is not after `now`, in UTC."""
        today = now.astimezone(self.zone).date()
        day = today - timedelta(days=(today.weekday() - self.weekday) % 7)
        at = at_minute(day, self.minute, self.zone)
        return at if at <= now else at_minute(day - _WEEK, self.minute, self.zone)

    def week_before(self, at: datetime) -> tuple[datetime, datetime]:
        """Return the week that ends then, by the clock there: an hour more or less when that is changed."""
        day = at.astimezone(self.zone).date()
        return at_minute(day - _WEEK, self.minute, self.zone), at


@dataclass(frozen=True, slots=True)
class Ending:
    """A signup that came to its end within the week; `asked_at` is None where no signature was asked for."""

    connection: str
    status: str
    at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Week:
    """What is counted: the ends of signups, and for each one that is open since when it is."""

    endings: Sequence[Ending] = ()
    open_since: Sequence[datetime] = ()


def name_summary(at: datetime, zone: tzinfo) -> str:
    """Return the id of the summary of an ISO week: there is one for each, however often it is begun."""
    year, week, _ = at.astimezone(zone).isocalendar()
    return name_of("summary", f"{year}-W{week:02}")


def summarise(week: Week, since: datetime, until: datetime, notice_id: str) -> Notice:
    """Return the summary of a week."""
    count = Counter(one.status for one in week.endings)
    headline = (
        f"The week: {count[ENABLED]} signed, {len(week.open_since)} open, "
        f"{count[DECLINED]} declined, {count[FAILED]} failed"
    )
    body: dict[str, Any] = {
        "headline": headline,
        "moments": [["From", since.isoformat()], ["Until", until.isoformat()]],
        "lines": [*_write_open(week.open_since, until), *_write_connections(week.endings)],
    }
    return Notice(notice_id, NoticeKind.SUMMARY, notice_id, until, body)


def find_percentile(values: Sequence[timedelta], percent: float) -> timedelta:
    """Return the smallest of some values that so many percent do not exceed (the nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def write_duration(duration: timedelta) -> str:
    """Return a duration in the unit in which somebody would say it."""
    minutes = duration.total_seconds() / 60
    for size, unit, until in ((1, "min", 120), (60, "h", 48 * 60), (24 * 60, "days", math.inf)):
        if minutes < until:
            return f"{minutes / size:.0f} {unit}"
    return ""


def _write_open(open_since: Iterable[datetime], until: datetime) -> list[str]:
    ages = Counter(_find_age(until - since) for since in open_since)
    if not ages:
        return []
    told = ", ".join(f"{ages[words]} for {words}" for _, words in _AGES if ages[words])
    return [f"Open: {told}"]


def _find_age(age: timedelta) -> str:
    return next(words for most, words in _AGES if age < most)


def _write_connections(endings: Sequence[Ending]) -> list[str]:
    names = Counter(one.connection for one in endings)
    return [
        f"{name}: {_write_connection([one for one in endings if one.connection == name])}"
        for name in sorted(names, key=lambda name: (-names[name], name))
    ]


def _write_connection(endings: Sequence[Ending]) -> str:
    count = Counter(one.status for one in endings)
    words = [(ENABLED, "signed"), (DECLINED, "declined"), (FAILED, "failed")]
    told = ", ".join(f"{count[status]} {word}" for status, word in words if count[status])
    times = [
        max(one.at - one.asked_at, timedelta())
        for one in endings
        if one.status == ENABLED and one.asked_at is not None
    ]
    if not times:
        return told
    half = write_duration(timedelta(seconds=median(one.total_seconds() for one in times)))
    most = write_duration(find_percentile(times, 90))
    return f"{told}; from the request to the signature: median {half}, 90th percentile {most}"
