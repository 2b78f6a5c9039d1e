"""The sections about the notifier itself: what it cannot do, its heartbeat, and its weekly summary."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator

from notifier.settings.address_values import HookUrl
from notifier.settings.forms import lower_case
from notifier.settings.routing_values import TimeZone
from notifier.settings.section import Section
from notifier.settings.values import AlarmMinutes, ClockTime, IntervalSeconds, Name

WeekdayName: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class AlarmSettings(Section):
    """`[alarms]`: when on-call is told that the notifier cannot do its work, and who listens outside."""

    blind_after_minutes: AlarmMinutes = 10
    heartbeat_url: HookUrl | None = None
    heartbeat_interval_seconds: IntervalSeconds = 60


class SummarySettings(Section):
    """`[summary]`: who gets a summary of the week, and when; nobody without a receiver."""

    receiver: Name | None = None
    weekday: Annotated[WeekdayName, BeforeValidator(lower_case)] = "mon"
    time: ClockTime = "09:00"
    time_zone: TimeZone = "Europe/Oslo"
