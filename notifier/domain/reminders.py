"""When people are reminded of a signature that is still missing.

Pure: where the reminders of a case stand and the time in, the one thing that is due out. Whatever was missed
while the notifier was off is one reminder, not many; and what was counted as told never comes again, however
the clock is set.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from notifier.domain.calendar import WORKING_DAYS, Calendar

_HOUR: Final = timedelta(hours=1)
DINTERO_REMINDS_AFTER: Final = tuple(hours * _HOUR for hours in (24, 48, 168, 336, 672))
"""When Dintero itself reminds a merchant: 1, 2, 7, 14 and 28 days after the application."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom else to tell when a signature is missing `after` that long.

    `mention` is in the receiver's own form, "" for nobody; `receivers` are told beside those of the case.
    """

    after: timedelta
    mention: str = ""
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to remind: `after` and `escalations` in rising order, from when the signature was asked for.

    From the reminder `channel_from` on (counted from 1, 0 for never) it is shown in the channel too, with the
    receiver's mention. A signup's end is announced `expiring_before` (zero: not at all). A pending connection
    is reported when nothing has happened to it for `stale_after`, None for never. Everything but the end
    itself waits for the business hours of the `calendar`.
    """

    after: tuple[timedelta, ...] = DINTERO_REMINDS_AFTER
    calendar: Calendar = WORKING_DAYS
    channel_from: int = 3
    escalations: tuple[Escalation, ...] = ()
    expiring_before: timedelta = timedelta(hours=48)
    stale_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the reminders of one case stand at one receiver.

    `armed_at` is when a signature was first asked for, or its link last replaced; None while there is nothing
    to sign. `reminders` and `escalations` count the entries of the schedule that are used up. `warned_at` is
    when the coming end was announced. `is_over` once nothing is to be signed any more, for whatever reason.
    """

    armed_at: datetime | None
    reminders: int = 0
    escalations: int = 0
    warned_at: datetime | None = None
    expires_at: datetime | None = None
    is_over: bool = False


class DueKind(StrEnum):
    """What is due; where several things are, the first of these."""

    EXPIRED = "expired"
    """The signup has ended unsigned: nothing comes after this."""
    EXPIRING = "expiring"
    """It will end soon."""
    ESCALATION = "escalation"
    """It has been missing for so long that somebody else is to know."""
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True)
class Due:
    """The one thing to tell now; `standing` is what is true once it is told, to be kept with it.

    `number` counts reminders from 1: the newest entry of the schedule whose time has come, 0 where none has.
    `is_broadcast` shows it in the channel as well, and `wants_mention` asks for the receiver's own mention.
    `mentions` and `receivers` are those of the escalations whose time has come.
    """

    kind: DueKind
    number: int
    standing: Standing
    is_broadcast: bool = False
    wants_mention: bool = False
    mentions: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


def arm(standing: Standing, at: datetime) -> Standing:
    """Return the standing once a signature is asked for (again): everything counts from `at`."""
    return replace(standing, armed_at=at, reminders=0, escalations=0)


def find_due(
    schedule: Schedule, standing: Standing, now: datetime, *, is_silenced: bool = False
) -> Due | None:
    """Return the one thing to tell now, None where nothing is due.

    What is silenced is not due; its time passes, and when the silence ends the newest of it is. The end
    itself is due also then: that it is not shown is up to the delivery.
    """
    if standing.is_over:
        return None
    if standing.expires_at is not None and now >= standing.expires_at:
        over = replace(standing, is_over=True)
        return Due(DueKind.EXPIRED, standing.reminders, over, is_broadcast=True)
    if standing.armed_at is None or is_silenced or not schedule.calendar.is_open(now):
        return None
    reminders = max(standing.reminders, _count_passed(schedule.after, standing.armed_at, now))
    steps = tuple(step.after for step in schedule.escalations)
    escalations = max(standing.escalations, _count_passed(steps, standing.armed_at, now))
    warns_at = _find_warning(schedule, standing)
    if warns_at is not None and now >= warns_at:
        kind = DueKind.EXPIRING
    elif escalations > standing.escalations:
        kind = DueKind.ESCALATION
    elif reminders > standing.reminders:
        kind = DueKind.REMINDER
    else:
        return None
    return _make_due(kind, schedule, standing, reminders, escalations, now)


def _make_due(
    kind: DueKind, schedule: Schedule, standing: Standing, reminders: int, escalations: int, now: datetime
) -> Due:
    """Put all that has come due into one, so that the rest of it does not come as well."""
    steps = schedule.escalations[standing.escalations : escalations]
    is_late = 0 < schedule.channel_from <= reminders
    told = replace(
        standing,
        reminders=reminders,
        escalations=escalations,
        warned_at=now if kind is DueKind.EXPIRING else standing.warned_at,
    )
    return Due(
        kind,
        reminders,
        told,
        is_broadcast=is_late or kind is not DueKind.REMINDER,
        wants_mention=is_late,
        mentions=tuple(dict.fromkeys(step.mention for step in steps if step.mention)),
        receivers=tuple(dict.fromkeys(name for step in steps for name in step.receivers)),
    )


def next_at(schedule: Schedule, standing: Standing, now: datetime) -> datetime | None:
    """Return the next instant at which something is due, whatever is silenced; None where nothing ever is.

    It is not before `now`: what is due already, is due at the next business hour.
    """
    if standing.is_over:
        return None
    times = [] if standing.expires_at is None else [max(standing.expires_at, now)]
    if standing.armed_at is not None:
        steps = tuple(step.after for step in schedule.escalations)
        waiting = [
            *_list_next(schedule.after, standing.reminders, standing.armed_at),
            *_list_next(steps, standing.escalations, standing.armed_at),
        ]
        warns_at = _find_warning(schedule, standing)
        waiting += [] if warns_at is None else [warns_at]
        times += [schedule.calendar.next_open(max(at, now)) for at in waiting]
    return min(times, default=None)


def stale_at(schedule: Schedule, last_event_at: datetime) -> datetime | None:
    """Return when a pending connection that last showed something then is reported, None for never."""
    if schedule.stale_after is None:
        return None
    at = _add(last_event_at, schedule.stale_after)
    return None if at is None else schedule.calendar.next_open(at)


def _find_warning(schedule: Schedule, standing: Standing) -> datetime | None:
    """Return from when on the end is to be announced; early, where business hours would leave little time.

    What was asked for later than that has said so itself.
    """
    if standing.expires_at is None or standing.warned_at is not None or not schedule.expiring_before:
        return None
    calendar = schedule.calendar
    at = _add(standing.expires_at, -schedule.expiring_before)
    if at is None or standing.armed_at is None:
        return None
    if calendar.next_open(at) > standing.expires_at - schedule.expiring_before / 2:
        at = calendar.last_opening(at)
    return at if at > standing.armed_at else None


def _count_passed(after: tuple[timedelta, ...], armed_at: datetime, now: datetime) -> int:
    """Return the number of the newest entry whose time has passed, counted from 1, 0 for none."""
    numbers = (number for number, span in enumerate(after, start=1) if now - armed_at >= span)
    return max(numbers, default=0)


def _list_next(after: tuple[timedelta, ...], used: int, armed_at: datetime) -> list[datetime]:
    times = (_add(armed_at, span) for span in after[used:])
    return [at for at in times if at is not None]


def _add(at: datetime, span: timedelta) -> datetime | None:
    try:
        return at + span
    except OverflowError:
        return None
