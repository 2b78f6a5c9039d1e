"""The sections about who is told what, and when: routes, time intervals and reminders."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from notifier.settings.routing_values import (
    DayHours,
    DaysOfMonth,
    MerchantGlobs,
    Month,
    Ordinal,
    Region,
    RisingHours,
    TimeZone,
    Title,
    Weekday,
    Weekdays,
)
from notifier.settings.section import Section
from notifier.settings.values import Globs, GraceHours, Hours, Mention, Name, Names

SeverityName: TypeAlias = Literal["critical", "error", "warning", "info"]
HolidaysName: TypeAlias = Literal["any", "only", "except"]


class RouteSettings(Section):
    """`[[routes]]`: what goes to which receivers. An empty list, or no `livemode`, matches everything.

    The first route that matches decides, unless it says `continue`; and before it the first of its own
    `routes` that does. These inherit what stands in the second half here and is left out there.
    """

    name: Title | None = None
    events: Globs = ()
    statuses: Globs = ()
    connections: Globs = ()
    accounts: Globs = ()
    merchants: MerchantGlobs = ()
    severities: tuple[SeverityName, ...] = ()
    livemode: bool | None = None
    continues: bool = Field(default=False, alias="continue")
    receivers: Annotated[Names, Field(min_length=1)] | None = None
    mute_intervals: Names | None = None
    active_intervals: Names | None = None
    reminders: Name | None = None
    routes: tuple["RouteSettings", ...] = ()


class IntervalSettings(Section):
    """`[intervals.<name>]`: when a route is mute, or active. What is left out fits always."""

    time_zone: TimeZone = "Europe/Oslo"
    weekdays: tuple[Weekday, ...] = ()
    times: tuple[DayHours, ...] = ()
    months: tuple[Month, ...] = ()
    days_of_month: tuple[DaysOfMonth, ...] = ()
    holidays: HolidaysName = "any"
    region: Region = "NO"


class EscalationSettings(Section):
    """`[[reminders.<name>.escalations]]`: whom else to tell of a signature that is missing for so long."""

    after_hours: Hours
    mention: Mention | None = None
    receivers: Names = ()


class ReminderSettings(Section):
    """`[reminders.<name>]`: when to remind of a signature that is missing. `default` is for every route."""

    after_hours: RisingHours = (24, 48, 168, 336, 672)
    channel_from: Ordinal = 3
    time_zone: TimeZone = "Europe/Oslo"
    business_days: Weekdays = ("mon-fri",)
    business_hours: DayHours = "08:00-16:00"
    region: Region = "NO"
    expiring_before_hours: GraceHours = 48
    stale_after_hours: Hours | None = None
    escalations: tuple[EscalationSettings, ...] = ()
