"""Routes and decisions as text: what `notifier routes` prints."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from notifier.domain.change import Change
from notifier.domain.intervals import TimeInterval, find_mute
from notifier.domain.message import Severity
from notifier.domain.model import Account
from notifier.domain.routes import Look, Match, Route, list_matches, resolve_receivers
from notifier.domain.severity import assess_severity
from notifier.screen import clean


def draw_routes(routes: tuple[Route, ...], aliases: Mapping[str, str]) -> str:
    """Return the tree: a line for each route, and one for each thing that it sets."""
    lines: list[str] = []
    for depth, place, route, match in list_matches(routes):
        margin = "    " * depth
        conditions = "; ".join(route.list_conditions()) or "everything"
        more = ", and goes on below" if route.continues else ""
        lines.append(f"{margin}{_title(place, route)}  {conditions}")
        lines.append(f"{margin}    → {_draw_receivers(match, aliases)}{more}")
        lines += [f"{margin}      {line}" for line in _draw_times(route)]
    return "\n".join(clean(line) for line in lines)


def draw_subject(change: Change, account: Account, severity: Severity | None) -> str:
    """Return the change that is tried, as it is held against routes."""
    parts = [
        f"event {change.topic}",
        f"status {change.status or '(none)'}",
        f"connection {change.key.name}",
        f"account {account.account_id} ({'live' if account.is_live else 'test'})",
        f"severity {severity or assess_severity(change.topic, change.status, account.is_live)}",
    ]
    if account.merchant:
        parts.append(f"merchant {account.merchant}")
    return clean(f"a change  {', '.join(parts)}")


def draw_looks(looks: Sequence[Look]) -> str:
    """Return every route that was looked at, with what matched or the field that did not."""
    lines = []
    for look in looks:
        conditions = "; ".join(look.route.list_conditions()) or "everything"
        if look.obstacle is not None:
            verdict = f"no: {look.obstacle}"
        elif look.is_decisive:
            verdict = "DECIDES" + (", and goes on below" if look.route.continues else "")
        else:
            verdict = "matches; a route inside it decides"
        lines.append(f"  {'    ' * look.depth}{_title(look.place, look.route)}  {conditions}  → {verdict}")
    return "\n".join(clean(line) for line in lines)


def draw_matches(
    matches: Sequence[Match],
    aliases: Mapping[str, str],
    intervals: Mapping[str, TimeInterval],
    now: datetime,
) -> str:
    """Return who is told by which rule, and what is mute now; a receiver counts where it comes first."""
    lines: list[str] = []
    told: set[str] = set()
    for match in matches:
        names = [name for name in resolve_receivers(match.receivers, aliases) if name not in told]
        told.update(names)
        lines.append(f"told       {', '.join(names) or 'nobody'}, by {match.rule}")
        mute = find_mute(match.mute_intervals, match.active_intervals, intervals, now)
        if mute is not None:
            why = f"in {mute.interval}" if mute.interval else "outside its active intervals"
            end = f"until {mute.ends_at.isoformat()}" if mute.ends_at else "without an end"
            lines.append(f"mute       now: {why}, {end}")
        lines.append(f"reminders  {match.reminders}")
    return "\n".join(clean(line) for line in lines) or "told       nobody: no route is for it"


def _title(place: str, route: Route) -> str:
    return f'{place} "{route.name}"' if route.name else place


def _draw_receivers(match: Match, aliases: Mapping[str, str]) -> str:
    names = [
        name if aliases.get(name, name) == name else f"{name} (that is {aliases[name]} here)"
        for name in match.receivers
    ]
    return ", ".join(names) or "nobody"


def _draw_times(route: Route) -> list[str]:
    fields = {
        "mute_intervals": route.mute_intervals,
        "active_intervals": route.active_intervals,
        "reminders": None if route.reminders is None else (route.reminders,),
    }
    return [f"{name} = {', '.join(names) or 'none'}" for name, names in fields.items() if names is not None]
