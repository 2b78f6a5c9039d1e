"""Time intervals by the clock on the wall, also on the days on which it is put forward or back."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.intervals import (
    Holidays,
    Mute,
    TimeInterval,
    contains,
    ends_at,
    find_mute,
    next_change,
    read_days_of_month,
    read_months,
    read_times,
    read_weekdays,
)

OSLO = ZoneInfo("Europe/Oslo")
NIGHTS = TimeInterval("nights", OSLO, times=((0, 360), (1320, 1440)))
WEEKENDS = TimeInterval("weekends", OSLO, weekdays=frozenset({5, 6}))
OFFICE = TimeInterval("office", OSLO, weekdays=frozenset(range(5)), times=((480, 960),))
ALL = {one.name: one for one in (NIGHTS, WEEKENDS, OFFICE, TimeInterval("always"))}


def at(text: str, fold: int = 0) -> datetime:
    """Return the instant at which the clock in Oslo shows this."""
    return datetime.fromisoformat(text).replace(tzinfo=OSLO, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("interval", "moment", "is_inside", "change"),
    [
        (OFFICE, "2026-11-20T12:00", True, "2026-11-20T16:00"),
        (OFFICE, "2026-11-20T16:00", False, "2026-11-23T08:00"),
        (OFFICE, "2026-11-20T07:59", False, "2026-11-20T08:00"),
        (NIGHTS, "2026-11-20T23:00", True, "2026-11-21T06:00"),
        (WEEKENDS, "2026-11-20T23:59", False, "2026-11-21T00:00"),
        (WEEKENDS, "2026-03-28T12:00", True, "2026-03-30T00:00"),
        (TimeInterval("x", OSLO, months=frozenset({12})), "2026-11-20T12:00", False, "2026-12-01T00:00"),
        (TimeInterval("x", OSLO, days_of_month=((-1, -1),)), "2027-02-10T12:00", False, "2027-02-28T00:00"),
        (TimeInterval("x", OSLO, days_of_month=((1, 7),)), "2026-11-07T12:00", True, "2026-11-08T00:00"),
        (
            TimeInterval("x", OSLO, months=frozenset({2}), days_of_month=((29, 29),)),
            "2026-11-07T12:00",
            False,
            "2028-02-29T00:00",
        ),
    ],
)
def test_when_it_changes(interval: TimeInterval, moment: str, *, is_inside: bool, change: str) -> None:
    """An instant must be inside or not, and the next change be that of the wall's clock."""
    assert contains(interval, at(moment)) is is_inside
    assert next_change(interval, at(moment)) == at(change)
    assert ends_at(interval, at(moment)) == (at(change) if is_inside else None)


def test_holidays_count_as_the_interval_says() -> None:
    """Holidays must be the only days, no days, or days like others."""
    christmas = {date(2026, 12, 25)}.__contains__
    only = TimeInterval("x", OSLO, holidays=Holidays.ONLY, is_holiday=christmas)
    never = TimeInterval("x", OSLO, holidays=Holidays.EXCEPT, is_holiday=christmas)
    assert contains(only, at("2026-12-25T12:00"))
    assert not contains(only, at("2026-12-24T12:00"))
    assert not contains(never, at("2026-12-25T12:00"))
    assert next_change(only, at("2026-12-25T12:00")) == at("2026-12-26T00:00")


def test_on_the_day_the_clock_is_put_forward_an_interval_ends_with_the_hour_that_is_skipped() -> None:
    """From 01:30 to 02:30 must end at 02:00 where the wall goes from there to 03:00."""
    interval = TimeInterval("x", OSLO, times=((90, 150),))
    assert next_change(interval, at("2026-03-29T01:45")) == at("2026-03-29T01:59") + timedelta(minutes=1)


def test_on_the_day_the_clock_is_put_back_an_interval_comes_twice() -> None:
    """From 02:00 to 02:30 must come again where the wall shows it again."""
    interval = TimeInterval("x", OSLO, times=((120, 150),))
    first_end = next_change(interval, at("2026-10-25T02:10"))
    assert first_end == at("2026-10-25T02:30")
    second = next_change(interval, first_end)
    assert second == at("2026-10-25T02:00", fold=1)
    assert next_change(interval, second) == at("2026-10-25T02:30", fold=1)


def test_what_never_changes_has_no_next_change() -> None:
    """An interval that is always, or never, must have no end, also at the end of the calendar."""
    assert next_change(TimeInterval("always"), at("2026-11-20T12:00")) is None
    never = TimeInterval("never", months=frozenset({2}), days_of_month=((30, 31),))
    assert next_change(never, at("2026-11-20T12:00")) is None
    assert next_change(OFFICE, datetime(9999, 12, 31, 20, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("mutes", "actives", "moment", "mute"),
    [
        ((), (), "2026-11-20T12:00", None),
        (("nights",), (), "2026-11-20T12:00", None),
        (("nights",), (), "2026-11-20T23:00", Mute("nights", at("2026-11-21T06:00"))),
        (("nights", "weekends"), (), "2026-11-20T23:00", Mute("nights", at("2026-11-23T06:00"))),
        ((), ("office",), "2026-11-20T17:00", Mute("", at("2026-11-23T08:00"))),
        (("nights",), ("office", "weekends"), "2026-11-21T03:00", Mute("nights", at("2026-11-21T06:00"))),
        (("always",), (), "2026-11-20T12:00", Mute("always", None)),
        (("weekends",), ("weekends",), "2026-11-20T12:00", Mute("", None)),
    ],
)
def test_mute_ends_when_nothing_is_mute_any_more(
    mutes: tuple[str, ...], actives: tuple[str, ...], moment: str, mute: Mute | None
) -> None:
    """A route must be mute inside its mute intervals and outside its active ones, until neither holds."""
    assert find_mute(mutes, actives, ALL, at(moment)) == mute


@st.composite
def intervals(draw: st.DrawFn) -> TimeInterval:
    """Give any interval."""
    edges = sorted(draw(st.sets(st.integers(0, 1440), min_size=4, max_size=4)))
    holidays = draw(st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=10))
    return TimeInterval(
        "x",
        ZoneInfo(draw(st.sampled_from(["Europe/Oslo", "Australia/Lord_Howe", "America/Havana", "UTC"]))),
        weekdays=draw(st.frozensets(st.integers(0, 6))),
        times=draw(
            st.sampled_from([(), ((edges[0], edges[1]),), ((edges[2], edges[3]), (edges[0], edges[1]))])
        ),
        months=draw(st.sampled_from([frozenset(), frozenset({3, 4, 10}), frozenset({11})])),
        days_of_month=draw(st.sampled_from([(), ((1, 7),), ((-3, -1),), ((10, -10),)])),
        holidays=draw(st.sampled_from(Holidays)),
        is_holiday=holidays.__contains__,
    )


shifts = st.sampled_from(["2026-03-29T00:00", "2026-10-25T00:00", "2026-04-05T00:00", "2026-11-01T00:00"])
moments = st.builds(
    lambda day, minutes: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=minutes),
    shifts,
    st.integers(-3000, 3000),
)


@settings(max_examples=60, deadline=None)
@given(intervals(), moments, st.floats(0, 1, exclude_max=True))
def test_nothing_changes_before_the_next_change(
    interval: TimeInterval, moment: datetime, part: float
) -> None:
    """Around the days of a changed clock as well: no change earlier than the next one, and there one."""
    change = next_change(interval, moment)
    is_inside = contains(interval, moment)
    if change is None:
        spans = (timedelta(hours=hours) for hours in range(0, 24 * 40, 7))
        assert all(contains(interval, moment + span) is is_inside for span in spans)
        return
    assert change > moment
    assert contains(interval, change) is not is_inside
    assert contains(interval, change - timedelta(microseconds=1)) is is_inside
    before = min((change - moment) * part, change - moment - timedelta(microseconds=1))
    assert contains(interval, moment + before) is is_inside


def test_texts_become_numbers() -> None:
    """Days, months and times must be read as they are written, over the end of the week or year too."""
    assert read_weekdays(["mon-fri"]) == frozenset(range(5))
    assert read_weekdays(["Sat-mon", "wed"]) == {5, 6, 0, 2}
    assert read_months(["dec-feb", "jun"]) == {12, 1, 2, 6}
    assert read_times("08:00-24:00") == (480, 1440)
    assert read_days_of_month("-3:-1") == (-3, -1)
    assert read_days_of_month("7") == (7, 7)


@pytest.mark.parametrize("text", ["", "mo", "mon-", "mon-fry", "-mon", "mon fri"])
def test_no_days(text: str) -> None:
    """What names no day must be refused without being repeated."""
    with pytest.raises(ValueError, match="expected a day of the week"):
        read_weekdays([text])
    with pytest.raises(ValueError, match="expected a month"):
        read_months([text])


@pytest.mark.parametrize("text", ["", "8:00-16:00", "08:00", "08:00-25:00", "08:00-16:60", "22:00-06:00"])
def test_no_times(text: str) -> None:
    """What names no times of one day must be refused."""
    with pytest.raises(ValueError, match="expected"):
        read_times(text)


@pytest.mark.parametrize("text", ["", "0", "32", "1-7", "7:1", "-1:-3", "x"])
def test_no_days_of_a_month(text: str) -> None:
    """What names no days of a month must be refused."""
    with pytest.raises(ValueError, match="expected"):
        read_days_of_month(text)
