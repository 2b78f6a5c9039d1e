"""Business hours: the times of a week in which people want to be reminded of things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

MINUTES_A_DAY: Final = 24 * 60
MONDAY_TO_FRIDAY: Final = frozenset(range(5))

_DAY: Final = timedelta(days=1)
_LONGEST_SEARCH_DAYS: Final = 400
"""Where no day in so many is open, the calendar is taken to be always open: late beats never."""


def is_never(day: date) -> bool:  # noqa: ARG001 - it is asked as any calendar is
    """Return False: a calendar without holidays."""
    return False


@dataclass(frozen=True, slots=True)
class Calendar:
    """Business hours in a time zone.

    Open on `weekdays` (0 is Monday) that are no holidays, from the minute `opens` to before the minute
    `closes`, both counted from midnight by the clock on the wall (1440 is the midnight after).
    """

    zone: tzinfo = UTC
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    opens: int = 8 * 60
    closes: int = 16 * 60
    is_holiday: Callable[[date], bool] = is_never

    def is_open(self, at: datetime) -> bool:
        """Whether an instant is within business hours."""
        return self.next_open(at) == at

    def next_open(self, at: datetime) -> datetime:
        """Return the first instant within business hours that is not before `at`, in UTC."""
        moment = at.astimezone(UTC)
        for opens_at, closes_at in self._list_openings(moment, _DAY):
            if moment < closes_at:
                return max(moment, opens_at)
        return moment

    def last_opening(self, at: datetime) -> datetime:
        """Return the last instant at which business hours began that is not after `at`, in UTC."""
        moment = at.astimezone(UTC)
        for opens_at, _ in self._list_openings(moment, -_DAY):
            if opens_at <= moment:
                return opens_at
        return moment

    def _list_openings(self, moment: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
        """Give when days open and close, going away from an instant, from the day on its other side on."""
        try:
            day = moment.astimezone(self.zone).date() - step
            for _ in range(_LONGEST_SEARCH_DAYS):
                if day.weekday() in self.weekdays and not self.is_holiday(day):
                    opens_at, closes_at = (self._at(day, minute) for minute in (self.opens, self.closes))
                    # A clock that is put forward may leave nothing of a short day.
                    if opens_at < closes_at:
                        yield opens_at, closes_at
                day += step
        except OverflowError:  # The calendar of mankind ends here, and so does this one.
            return

    def _at(self, day: date, minute: int) -> datetime:
        return at_minute(day, minute, self.zone)


WORKING_DAYS: Final = Calendar()
"""Monday to Friday from 8 to 16, UTC."""


def at_minute(day: date, minute: int, zone: tzinfo, fold: int = 0) -> datetime:
    """Return when the clock on a wall shows a minute of a day, in UTC; `fold` 1 where it does so again.

    A minute that a clock put forward skips is the one that it would have been.
    """
    days, rest = divmod(minute, MINUTES_A_DAY)
    wall = datetime.combine(day + timedelta(days=days), time(*divmod(rest, 60)), tzinfo=zone)
    return wall.replace(fold=fold).astimezone(UTC)
