"""Business hours, also when the clock on the wall is put forward or back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.calendar import Calendar

OSLO = ZoneInfo("Europe/Oslo")
OFFICE = Calendar(zone=OSLO)
ZONES = ("Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu", "UTC")

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Give any calendar that is open at some time."""
    opens = draw(st.integers(0, 1439))
    holidays = draw(st.sets(st.dates(date(2024, 1, 1), date(2030, 1, 1)), max_size=20))
    return Calendar(
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        weekdays=draw(st.frozensets(st.integers(0, 6), min_size=1)),
        opens=opens,
        closes=draw(st.integers(opens + 1, 1440)),
        is_holiday=holidays.__contains__,
    )


def at(text: str) -> datetime:
    """Return the instant at which the clock in Oslo shows this."""
    return datetime.fromisoformat(text).replace(tzinfo=OSLO).astimezone(UTC)


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("2026-11-20T10:00", "2026-11-20T10:00"),
        ("2026-11-20T07:59:59", "2026-11-20T08:00"),
        ("2026-11-20T08:00", "2026-11-20T08:00"),
        ("2026-11-20T16:00", "2026-11-23T08:00"),
        ("2026-11-21T12:00", "2026-11-23T08:00"),
        ("2026-03-28T12:00", "2026-03-30T08:00"),
        ("2026-10-24T12:00", "2026-10-26T08:00"),
    ],
    ids=["open", "before", "opening", "closing is closed", "weekend", "put forward", "put back"],
)
def test_next_open(asked: str, opens: str) -> None:
    """The next business hour must be that of the clock on the wall."""
    assert OFFICE.next_open(at(asked)) == at(opens)


def test_holidays_are_closed() -> None:
    """A holiday must be like a Sunday."""
    calendar = Calendar(zone=OSLO, is_holiday={date(2026, 12, 24), date(2026, 12, 25)}.__contains__)
    assert calendar.next_open(at("2026-12-23T16:00")) == at("2026-12-28T08:00")


def test_last_opening_is_the_newest_that_has_been() -> None:
    """The last opening must be that of the same day once it is open, and an earlier day's before."""
    assert OFFICE.last_opening(at("2026-11-20T08:00")) == at("2026-11-20T08:00")
    assert OFFICE.last_opening(at("2026-11-22T12:00")) == at("2026-11-20T08:00")
    assert OFFICE.last_opening(at("2026-11-23T07:00")) == at("2026-11-20T08:00")


def test_a_calendar_that_never_opens_is_open() -> None:
    """Where no day is ever open, nothing may be put off for ever."""
    closed = Calendar(weekdays=frozenset())
    assert closed.next_open(at("2026-11-20T10:00")) == at("2026-11-20T10:00")
    late = datetime(9999, 12, 31, 23, 0, tzinfo=UTC)
    assert Calendar(zone=OSLO).next_open(late) == late


@settings(max_examples=60, deadline=None)
@given(calendars(), moments)
def test_opening_is_in_hours_and_nothing_earlier_is(calendar: Calendar, moment: datetime) -> None:
    """What `next_open` gives must be open by the wall, not earlier than asked, and given again for itself."""
    opens_at = calendar.next_open(moment)
    assert opens_at >= moment
    assert calendar.next_open(opens_at) == opens_at
    wall = opens_at.astimezone(calendar.zone)
    if wall.replace(fold=0).astimezone(UTC) == wall.replace(fold=1).astimezone(UTC):
        assert wall.weekday() in calendar.weekdays
        assert not calendar.is_holiday(wall.date())
        minute = wall.hour * 60 + wall.minute
        assert calendar.opens <= minute < calendar.closes
    between = moment + (opens_at - moment) / 2
    assert calendar.next_open(between) == (max(between, opens_at))
    assert calendar.last_opening(opens_at) <= opens_at


def test_hours_that_the_clock_skips_are_not_open() -> None:
    """An opening that falls into the skipped hour must be passed over when nothing is left of it."""
    night = Calendar(zone=OSLO, weekdays=frozenset(range(7)), opens=150, closes=175)
    skipped = datetime.combine(date(2026, 3, 29), time(0), OSLO).astimezone(UTC)
    found = night.next_open(skipped)
    assert found >= skipped
    assert found - skipped < timedelta(days=2)
