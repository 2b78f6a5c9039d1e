"""Reminders: one at a time, in business hours, never after the end, never twice."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.calendar import Calendar
from notifier.domain.reminders import (
    Due,
    DueKind,
    Escalation,
    Schedule,
    Standing,
    arm,
    find_due,
    next_at,
    stale_at,
)

OSLO = ZoneInfo("Europe/Oslo")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALWAYS = Calendar(weekdays=frozenset(range(7)), opens=0, closes=1440)
MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PLAIN = Schedule(calendar=ALWAYS, expiring_before=timedelta(0))
OFFICE = Schedule(calendar=Calendar(zone=OSLO))


def remind(schedule: Schedule, standing: Standing, now: datetime) -> Due:
    """Return what is due, which something must be."""
    due = find_due(schedule, standing, now)
    assert due is not None
    return due


def follow(schedule: Schedule, standing: Standing, until: datetime) -> list[tuple[datetime, Due]]:
    """Return all that is told when somebody looks exactly when the schedule asks for it."""
    told: list[tuple[datetime, Due]] = []
    now = standing.armed_at or MONDAY
    while (at := next_at(schedule, standing, now)) is not None and at <= until:
        due = remind(schedule, standing, at)
        told.append((at, due))
        standing, now = due.standing, at
    return told


def test_the_default_is_dinteros_own_schedule() -> None:
    """A missing signature must be asked for after 1, 2, 7, 14 and 28 days, at last in the channel."""
    told = follow(PLAIN, Standing(MONDAY), MONDAY + 365 * DAY)
    assert [(at - MONDAY).days for at, _ in told] == [1, 2, 7, 14, 28]
    assert [due.number for _, due in told] == [1, 2, 3, 4, 5]
    assert [due.is_broadcast for _, due in told] == [False, False, True, True, True]
    assert [due.wants_mention for _, due in told] == [False, False, True, True, True]


def test_after_three_days_off_one_reminder_comes() -> None:
    """Whatever was missed must be one reminder: the newest, with what is earlier used up."""
    due = remind(PLAIN, Standing(MONDAY), MONDAY + 7 * DAY)
    assert (due.kind, due.number, due.standing.reminders) == (DueKind.REMINDER, 3, 3)
    assert find_due(PLAIN, due.standing, MONDAY + 7 * DAY) is None
    assert next_at(PLAIN, due.standing, MONDAY + 7 * DAY) == MONDAY + 14 * DAY


def test_reminders_wait_for_business_hours() -> None:
    """What falls on a weekend must come on Monday when the office opens, once."""
    friday = datetime(2026, 11, 6, 12, 0, tzinfo=OSLO).astimezone(UTC)
    saturday, monday = friday + DAY, datetime(2026, 11, 9, 8, 0, tzinfo=OSLO).astimezone(UTC)
    assert find_due(OFFICE, Standing(friday), saturday) is None
    assert next_at(OFFICE, Standing(friday), friday) == monday
    assert next_at(OFFICE, Standing(friday), saturday) == monday
    assert remind(OFFICE, Standing(friday), monday).number == 2


def test_nothing_is_due_before_it_is_asked_nor_after_it_is_over() -> None:
    """A case without a signature to give, or that is over, or silenced, must be left in peace."""
    late = MONDAY + 30 * DAY
    assert find_due(PLAIN, Standing(None), late) is None
    assert next_at(PLAIN, Standing(None), late) is None
    over = Standing(MONDAY, is_over=True, expires_at=MONDAY)
    assert find_due(PLAIN, over, late) is None
    assert next_at(PLAIN, over, late) is None
    assert find_due(PLAIN, Standing(MONDAY), late, is_silenced=True) is None
    assert remind(PLAIN, Standing(MONDAY), late).number == 5


def test_a_clock_that_is_set_back_gives_nothing_twice() -> None:
    """What was told when the clock was ahead must not come again, and the rest in its own time."""
    ahead = remind(PLAIN, Standing(MONDAY), MONDAY + 8 * DAY).standing
    assert find_due(PLAIN, ahead, MONDAY + DAY) is None
    assert next_at(PLAIN, ahead, MONDAY - DAY) == MONDAY + 14 * DAY


def test_a_replaced_link_counts_from_the_start_again() -> None:
    """Armed again, the first reminder must come a day later, and the end not be announced a second time."""
    standing = Standing(MONDAY, reminders=3, escalations=1, warned_at=MONDAY)
    again = arm(standing, MONDAY + 8 * DAY)
    assert (again.reminders, again.escalations, again.warned_at) == (0, 0, MONDAY)
    assert next_at(PLAIN, again, MONDAY + 8 * DAY) == MONDAY + 9 * DAY


def test_the_end_is_announced_once_and_told_once() -> None:
    """Two days before its end a signup must be announced, and then told as over."""
    schedule = Schedule(calendar=ALWAYS)
    told = follow(schedule, Standing(MONDAY, expires_at=MONDAY + 9 * DAY), MONDAY + 365 * DAY)
    assert [(due.kind, (at - MONDAY).days) for at, due in told] == [
        (DueKind.REMINDER, 1),
        (DueKind.REMINDER, 2),
        (DueKind.EXPIRING, 7),
        (DueKind.EXPIRED, 9),
    ]
    assert told[2][1].standing.reminders == 3
    assert told[3][1].standing.is_over
    assert find_due(schedule, Standing(None, expires_at=MONDAY), MONDAY, is_silenced=True) is not None


def test_the_end_on_a_monday_morning_is_announced_on_friday() -> None:
    """Where the two days before the end are no business days, it must be announced before them."""
    end = datetime(2026, 11, 16, 7, 0, tzinfo=OSLO).astimezone(UTC)
    schedule = Schedule(after=(), calendar=Calendar(zone=OSLO))
    told = follow(schedule, Standing(MONDAY, expires_at=end), end)
    friday = datetime(2026, 11, 13, 8, 0, tzinfo=OSLO).astimezone(UTC)
    assert [(at, due.kind) for at, due in told] == [(friday, DueKind.EXPIRING), (end, DueKind.EXPIRED)]


def test_what_is_asked_for_shortly_before_the_end_is_not_announced_at_once() -> None:
    """A card that has just said when it ends must not be followed by the same words."""
    standing = Standing(MONDAY, expires_at=MONDAY + DAY)
    assert find_due(Schedule(calendar=ALWAYS), standing, MONDAY + HOUR) is None


def test_escalations_that_were_missed_reach_everybody_they_are_for() -> None:
    """Of several escalations at once one message must come, with the mentions and receivers of all."""
    steps = (
        Escalation(3 * DAY, "<!here>", ("boss",)),
        Escalation(5 * DAY, "<!here>", ("boss", "ceo")),
        Escalation(50 * DAY, "<!channel>"),
    )
    schedule = Schedule(calendar=ALWAYS, escalations=steps)
    due = remind(schedule, Standing(MONDAY), MONDAY + 7 * DAY)
    assert (due.kind, due.mentions, due.receivers) == (DueKind.ESCALATION, ("<!here>",), ("boss", "ceo"))
    assert (due.standing.reminders, due.standing.escalations) == (3, 2)
    assert due.is_broadcast
    kinds = [due.kind for _, due in follow(schedule, Standing(MONDAY), MONDAY + 60 * DAY)]
    assert kinds.count(DueKind.ESCALATION) == 3


@pytest.mark.parametrize(("span", "expected"), [(None, None), (2 * DAY, MONDAY + 2 * DAY)])
def test_stale(span: timedelta | None, expected: datetime | None) -> None:
    """What shows nothing for too long must be reported in business hours, or never if so wanted."""
    assert stale_at(Schedule(stale_after=span), MONDAY) == expected


def test_spans_beyond_the_calendar_are_never() -> None:
    """A time that no calendar has must be no time, not a crash."""
    far = Schedule(after=(timedelta(days=10**8),), stale_after=timedelta(days=10**8), calendar=ALWAYS)
    assert next_at(far, Standing(MONDAY), MONDAY) is None
    assert stale_at(far, MONDAY) is None


spans = st.timedeltas(timedelta(minutes=1), timedelta(days=60))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Give any schedule, often in Oslo's office hours."""
    opens = draw(st.sampled_from([0, 120, 480]))
    calendar = Calendar(
        zone=ZoneInfo(draw(st.sampled_from(["Europe/Oslo", "America/New_York", "Asia/Tokyo"]))),
        weekdays=draw(st.sampled_from([frozenset(range(5)), frozenset({6}), frozenset(range(7))])),
        opens=opens,
        closes=draw(st.sampled_from([opens + 60, 1440])),
        is_holiday=draw(st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=10)).__contains__,
    )
    steps = sorted(draw(st.lists(spans, max_size=3)))
    return Schedule(
        after=tuple(sorted(draw(st.lists(spans, max_size=6)))),
        calendar=calendar,
        channel_from=draw(st.integers(0, 4)),
        escalations=tuple(Escalation(step, f"<@U{number}>") for number, step in enumerate(steps)),
        expiring_before=draw(st.one_of(st.just(timedelta(0)), spans)),
    )


@settings(max_examples=60, deadline=None)
@given(
    schedules(),
    moments,
    st.one_of(st.none(), spans),
    st.lists(st.integers(-200, 400), max_size=25),
    st.data(),
)
def test_any_clock_any_schedule(
    schedule: Schedule, armed_at: datetime, life: timedelta | None, hours: list[int], data: st.DataObject
) -> None:
    """However the clock jumps: nothing twice, nothing after the end, all but the end in business hours."""
    standing = Standing(armed_at, expires_at=None if life is None else armed_at + life)
    now = armed_at
    told: list[Due] = []
    for step in hours:
        now += timedelta(hours=step)
        is_silenced = data.draw(st.booleans())
        due = find_due(schedule, standing, now, is_silenced=is_silenced)
        wanted = next_at(schedule, standing, now)
        if not is_silenced:
            assert (due is not None) == (wanted is not None and wanted <= now)
        if due is None:
            continue
        assert not standing.is_over
        if due.kind is DueKind.EXPIRED:
            assert standing.expires_at is not None
            assert now >= standing.expires_at
        else:
            assert schedule.calendar.is_open(now)
            assert not is_silenced
            assert standing.expires_at is None or now < standing.expires_at
        told.append(due)
        standing = due.standing
        assert find_due(schedule, standing, now) is None
    reminders = [due.number for due in told if due.kind is DueKind.REMINDER]
    assert reminders == sorted(set(reminders))
    mentions = [mention for due in told for mention in due.mentions]
    assert len(mentions) == len(set(mentions))
    kinds = [due.kind for due in told]
    assert kinds.count(DueKind.EXPIRING) <= 1
    assert DueKind.EXPIRED not in kinds[:-1]


@settings(max_examples=60, deadline=None)
@given(schedules(), moments, st.one_of(st.none(), spans))
def test_whoever_looks_when_asked_to_misses_nothing(
    schedule: Schedule, armed_at: datetime, life: timedelta | None
) -> None:
    """Followed exactly, a schedule must come to its end, each time with something due."""
    standing = Standing(armed_at, expires_at=None if life is None else armed_at + life)
    told = follow(schedule, standing, armed_at + timedelta(days=4000))
    assert len(told) <= len(schedule.after) + len(schedule.escalations) + 2
    last = told[-1][1].standing if told else standing
    assert last.is_over or (life is None and last.reminders == len(schedule.after))


def test_an_end_on_monday_morning_is_announced_on_friday() -> None:
    """People must hear of an end while there is time to act: not an hour before it."""
    ends_at = MONDAY + 14 * DAY + timedelta(minutes=30)
    standing = Standing(armed_at=MONDAY, reminders=5, expires_at=ends_at)
    at = next_at(Schedule(), standing, MONDAY + 8 * DAY)
    assert at is not None
    assert timedelta(hours=48) <= ends_at - at < timedelta(hours=96)
    assert at.weekday() == 4
