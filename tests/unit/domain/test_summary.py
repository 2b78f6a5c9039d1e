"""A week in a few lines: when it is written, what it counts, and how it says so."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.summary import (
    Appointment,
    Ending,
    Week,
    find_percentile,
    name_summary,
    summarise,
    write_duration,
)

OSLO = ZoneInfo("Europe/Oslo")
MONDAY_NINE = Appointment(0, 9 * 60, OSLO)
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""09:00 in Oslo, in winter."""


def _hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("now", "due_at"),
    [
        (MONDAY, MONDAY),
        (MONDAY - timedelta(seconds=1), MONDAY - timedelta(days=7)),
        (MONDAY + timedelta(days=6, hours=23), MONDAY),
        (datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 6, 29, 7, 0, tzinfo=UTC)),
    ],
    ids=["now", "just before", "late", "in summer"],
)
def test_the_newest_appointment_is_by_the_clock_on_the_wall(now: datetime, due_at: datetime) -> None:
    """A summary is due from its instant on until the next one's, in summer and in winter."""
    assert MONDAY_NINE.last_before(now) == due_at


def test_a_week_in_which_the_clock_is_changed_is_still_one_week() -> None:
    """No hour is counted twice, and none is left out."""
    at = MONDAY_NINE.last_before(datetime(2026, 10, 27, tzinfo=UTC))
    since, until = MONDAY_NINE.week_before(at)
    assert until - since == timedelta(days=7, hours=1)
    assert MONDAY_NINE.week_before(since)[1] == since


def test_each_iso_week_has_one_name() -> None:
    """The name is the same for the same week and another one for the next, also over the new year."""
    names = [name_summary(MONDAY + timedelta(days=7 * number), OSLO) for number in range(8)]
    assert len(set(names)) == 8
    assert name_summary(MONDAY + timedelta(days=6), OSLO) == names[0]


def test_the_percentile_is_the_nearest_rank() -> None:
    """Of ten values the ninth is not exceeded by nine of ten."""
    values = [_hours(number) for number in range(10, 0, -1)]
    assert find_percentile(values, 90) == _hours(9)
    assert find_percentile([_hours(4)], 90) == _hours(4)


@pytest.mark.parametrize(
    ("hours", "written"), [(0, "0 min"), (1.5, "90 min"), (2, "2 h"), (47, "47 h"), (72, "3 days")]
)
def test_a_duration_is_said_in_its_unit(hours: float, written: str) -> None:
    """Nobody says 72 hours for three days."""
    assert write_duration(_hours(hours)) == written


def test_a_summary_counts_and_says_how_long_signatures_took() -> None:
    """Signed, open by age, declined and failed, and for each connection the median and the slow tenth."""
    asked_at = MONDAY - _hours(100)
    signed = [Ending("vipps", "enabled", asked_at + _hours(number), asked_at) for number in range(1, 11)]
    others = [
        Ending("vipps", "declined", MONDAY - _hours(1), asked_at),
        Ending("swish", "failed", MONDAY - _hours(2), None),
        Ending("swish", "enabled", MONDAY - _hours(2), None),
    ]
    ages = [_hours(1), _hours(30), _hours(40), timedelta(days=100)]
    week = Week([*signed, *others], [MONDAY - age for age in ages])
    notice = summarise(week, MONDAY - timedelta(days=7), MONDAY, "n1")
    assert notice.body["headline"] == "The week: 11 signed, 4 open, 1 declined, 1 failed"
    assert notice.body["lines"] == [
        "Open: 1 for less than a day, 2 for less than a week, 1 for four weeks or more",
        "vipps: 10 signed, 1 declined; from the request to the signature: median 6 h, 90th percentile 9 h",
        "swish: 1 signed, 1 failed",
    ]


def test_a_quiet_week_is_one_line() -> None:
    """Where nothing has happened nothing is listed."""
    notice = summarise(Week(), MONDAY - timedelta(days=7), MONDAY, "n1")
    assert notice.body["headline"] == "The week: 0 signed, 0 open, 0 declined, 0 failed"
    assert notice.body["lines"] == []
