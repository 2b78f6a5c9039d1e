"""Who is told of a change: a tree of routes, as in Alertmanager.

https://prometheus.io/docs/alerting/latest/configuration/#route, read 2026-11: a change enters at the top and
is handed down to the first child that matches, and to those behind it while they `continue`. A route none of
whose children matches is the one that decides. Other than there, children inherit intervals as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from notifier.domain.change import Change, Topic
from notifier.domain.globs import is_any
from notifier.domain.message import Severity
from notifier.domain.model import DECLINED, ENABLED, FAILED, SIGNATURE_REQUIRED, Account
from notifier.domain.severity import assess_severity

SALES: Final = "sales"
ONCALL: Final = "oncall"
DEFAULT_SCHEDULE: Final = "default"
"""The reminders of a route that names none."""


@dataclass(frozen=True, slots=True)
class Route:
    """Receivers for the changes that match every given field.

    `events` match Dintero's event names and this product's topics, `merchants` the merchants' names (whatever
    their case), the other fields what their names say. All but `severities` are globs ("P1*"), and an empty
    field matches everything. The first route that matches decides, unless it `continues`. `name` is what it
    is called where a decision is explained, "" to be called by its place.

    `receivers`, `mute_intervals`, `active_intervals` and `reminders` (the name of a schedule) are inherited
    by the `routes` below that have None there.
    """

    receivers: tuple[str, ...] | None = None
    events: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    livemode: bool | None = None
    continues: bool = False
    merchants: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    name: str = ""
    mute_intervals: tuple[str, ...] | None = None
    active_intervals: tuple[str, ...] | None = None
    reminders: str | None = None
    routes: tuple["Route", ...] = ()

    def matches(self, change: Change, account: Account, severity: Severity | None = None) -> bool:
        """Whether this route is for the change; without a `severity` the change's own is found."""
        return self.find_obstacle(change, account, severity) is None

    def find_obstacle(self, change: Change, account: Account, severity: Severity | None = None) -> str | None:
        """Return the name of the first field that does not match, None where all do."""
        checks = self._check(change, account, severity)
        return next((name for name, is_met in checks if not is_met), None)

    def _check(
        self, change: Change, account: Account, severity: Severity | None
    ) -> Iterator[tuple[str, bool]]:
        """Give each field's name with whether it matches, the quickest first."""
        yield "livemode", self.livemode is None or self.livemode == account.is_live
        yield "events", is_any(self.events, change.topic)
        yield "statuses", is_any(self.statuses, change.status or "")
        yield "connections", is_any(self.connections, change.key.name)
        yield "accounts", is_any(self.accounts, change.key.account_id)
        if self.severities:
            found = severity or assess_severity(change.topic, change.status, account.is_live)
            yield "severities", found in self.severities
        if self.merchants:
            patterns = tuple(pattern.casefold() for pattern in self.merchants)
            yield "merchants", is_any(patterns, account.merchant.casefold())

    def list_conditions(self) -> tuple[str, ...]:
        """Return what a change must be for this route, one text a field, none where it is for everything."""
        fields = {
            "events": self.events,
            "statuses": self.statuses,
            "connections": self.connections,
            "accounts": self.accounts,
            "merchants": self.merchants,
            "severities": self.severities,
        }
        texts = [f"{name} = {' | '.join(patterns)}" for name, patterns in fields.items() if patterns]
        if self.livemode is not None:
            texts.append(f"livemode = {str(self.livemode).lower()}")
        return tuple(texts)


@dataclass(frozen=True, slots=True)
class Match:
    """One route's decision, with everything that it inherited.

    `rule` names the route: its name, or its place in the settings ("routes#3.routes#1", counted from 1 as in
    the sentences about wrong settings). It is told while none of the `mute_intervals` and, where there are
    `active_intervals`, one of these contains the present. `reminders` is the name of a schedule.
    """

    receivers: tuple[str, ...]
    rule: str
    mute_intervals: tuple[str, ...] = ()
    active_intervals: tuple[str, ...] = ()
    reminders: str = DEFAULT_SCHEDULE


@dataclass(frozen=True, slots=True)
class Look:
    """One route that a change came to: `obstacle` is the first field that did not match, None for none.

    `is_decisive` says that the route decides: it matches, and none of its children does.
    """

    place: str
    depth: int
    route: Route
    obstacle: str | None
    is_decisive: bool = False


DEFAULT_ROUTES: Final = (
    Route((ONCALL,), events=(Topic.UNKNOWN_VALUE,), name="default: unknown words"),
    Route(
        (SALES,),
        events=(Topic.WITHDRAWN, Topic.RETURNED, Topic.UNWATCHED),
        name="default: withdrawn or returned",
    ),
    Route((ONCALL, SALES), statuses=(FAILED, DECLINED), name="default: failed or declined"),
    Route((SALES,), events=(SIGNATURE_REQUIRED, Topic.LINK_REPLACED), name="default: to be signed"),
    Route((SALES,), statuses=(ENABLED,), name="default: enabled"),
    Route((), events=(Topic.APPLIED,), name="default: asks nothing yet"),
    Route((SALES,), name="default: everything else"),
)
"""Signatures and what follows them to sales, failures and refusals to on-call as well; an application that
asks nothing of anybody yet is told to nobody."""

_TOP: Final = Match(receivers=(), rule="")


def route_change(
    change: Change, account: Account, routes: tuple[Route, ...], severity: Severity | None = None
) -> tuple[Match, ...]:
    """Return the decisions about a change, in the order of the routes; none where no route is for it.

    A receiver may be in several of them: the first is the one that counts. `severity` is the change's own
    unless it is given.
    """
    found = severity or assess_severity(change.topic, change.status, account.is_live)
    return tuple(_descend(change, account, found, routes, _TOP, ""))


def _descend(
    change: Change, account: Account, severity: Severity, routes: tuple[Route, ...], above: Match, place: str
) -> Iterator[Match]:
    for number, route in enumerate(routes, start=1):
        if not route.matches(change, account, severity):
            continue
        here = f"{place}routes#{number}"
        own = _inherit(route, above, here)
        below = tuple(_descend(change, account, severity, route.routes, own, f"{here}."))
        yield from below or (own,)
        if not route.continues:
            return


def _inherit(route: Route, above: Match, place: str) -> Match:
    return Match(
        receivers=above.receivers if route.receivers is None else route.receivers,
        rule=route.name or place,
        mute_intervals=above.mute_intervals if route.mute_intervals is None else route.mute_intervals,
        active_intervals=above.active_intervals if route.active_intervals is None else route.active_intervals,
        reminders=above.reminders if route.reminders is None else route.reminders,
    )


def list_matches(
    routes: tuple[Route, ...], above: Match = _TOP, place: str = "", depth: int = 0
) -> Iterator[tuple[int, str, Route, Match]]:
    """Give every route of a tree from the top: its depth, its place, itself, and what it comes to."""
    for number, route in enumerate(routes, start=1):
        here = f"{place}routes#{number}"
        own = _inherit(route, above, here)
        yield depth, here, route, own
        yield from list_matches(route.routes, own, f"{here}.", depth + 1)


def trace_change(
    change: Change, account: Account, routes: tuple[Route, ...], severity: Severity | None = None
) -> tuple[Look, ...]:
    """Return every route that `route_change` looks at, in that order, each with why it did not match."""
    found = severity or assess_severity(change.topic, change.status, account.is_live)
    return tuple(_trace(change, account, found, routes, "", 0))


def _trace(
    change: Change, account: Account, severity: Severity, routes: tuple[Route, ...], place: str, depth: int
) -> Iterator[Look]:
    for number, route in enumerate(routes, start=1):
        here = f"{place}routes#{number}"
        obstacle = route.find_obstacle(change, account, severity)
        if obstacle is not None:
            yield Look(here, depth, route, obstacle)
            continue
        below = tuple(_trace(change, account, severity, route.routes, f"{here}.", depth + 1))
        yield Look(here, depth, route, None, is_decisive=all(look.obstacle is not None for look in below))
        yield from below
        if not route.continues:
            return


def resolve_receivers(names: tuple[str, ...], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Return the real receivers behind names such as "oncall" where no receiver is called so."""
    resolved: list[str] = []
    for name in names:
        real = aliases.get(name, name)
        if real not in resolved:
            resolved.append(real)
    return tuple(resolved)
