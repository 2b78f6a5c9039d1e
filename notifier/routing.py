"""From the settings to the domain's routes, time intervals and reminders."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from notifier.domain import intervals
from notifier.domain.calendar import Calendar, is_never
from notifier.domain.intervals import Holidays, TimeInterval
from notifier.domain.reminders import Escalation, Schedule
from notifier.domain.routes import DEFAULT_ROUTES, DEFAULT_SCHEDULE, Route
from notifier.holiday_calendar import find_holidays
from notifier.settings import Settings
from notifier.settings.routing_model import IntervalSettings, ReminderSettings, RouteSettings


def list_routes(settings: Settings) -> tuple[Route, ...]:
    """Return the routes of the settings, the default ones when there are none."""
    return _make_routes(settings.routes) or DEFAULT_ROUTES


def list_intervals(settings: Settings) -> Mapping[str, TimeInterval]:
    """Return the time intervals by name."""
    return MappingProxyType({name: _make_interval(name, one) for name, one in settings.intervals.items()})


def list_schedules(settings: Settings) -> Mapping[str, Schedule]:
    """Return the reminders by name; `DEFAULT_SCHEDULE` is always among them."""
    made = {name: _make_schedule(one) for name, one in settings.reminders.items()}
    made.setdefault(DEFAULT_SCHEDULE, _make_schedule(ReminderSettings()))
    return MappingProxyType(made)


def _make_routes(routes: Iterable[RouteSettings]) -> tuple[Route, ...]:
    return tuple(
        Route(
            receivers=one.receivers,
            events=one.events,
            statuses=one.statuses,
            connections=one.connections,
            accounts=one.accounts,
            livemode=one.livemode,
            continues=one.continues,
            merchants=one.merchants,
            severities=one.severities,
            name=one.name or "",
            mute_intervals=one.mute_intervals,
            active_intervals=one.active_intervals,
            reminders=one.reminders,
            routes=_make_routes(one.routes),
        )
        for one in routes
    )


def _make_interval(name: str, one: IntervalSettings) -> TimeInterval:
    return TimeInterval(
        name,
        zone=ZoneInfo(one.time_zone),
        weekdays=intervals.read_weekdays(one.weekdays),
        times=tuple(intervals.read_times(text) for text in one.times),
        months=intervals.read_months(one.months),
        days_of_month=tuple(intervals.read_days_of_month(text) for text in one.days_of_month),
        holidays=Holidays(one.holidays),
        is_holiday=find_holidays(one.region) if one.region else is_never,
    )


def _make_schedule(one: ReminderSettings) -> Schedule:
    opens, closes = intervals.read_times(one.business_hours)
    return Schedule(
        after=tuple(timedelta(hours=hours) for hours in one.after_hours),
        calendar=Calendar(
            zone=ZoneInfo(one.time_zone),
            weekdays=intervals.read_weekdays(one.business_days),
            opens=opens,
            closes=closes,
            is_holiday=find_holidays(one.region) if one.region else is_never,
        ),
        channel_from=one.channel_from,
        escalations=tuple(
            Escalation(timedelta(hours=step.after_hours), step.mention or "", step.receivers)
            for step in one.escalations
        ),
        expiring_before=timedelta(hours=one.expiring_before_hours),
        stale_after=None if one.stale_after_hours is None else timedelta(hours=one.stale_after_hours),
    )
