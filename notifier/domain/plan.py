"""Changes in, notifications out: one for each destination that a change is for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from notifier.domain.change import Change
from notifier.domain.delivery import Notification
from notifier.domain.identity import name_of
from notifier.domain.model import Account
from notifier.domain.routes import Route, resolve_receivers, route_change


class Outcome(StrEnum):
    """What planning made of a change; it stands beside the change in the store."""

    PLANNED = "planned"
    RECORDED = "recorded"
    """Detection decided that it is not to be told."""
    NO_ROUTE = "no_route"
    """No route, or a route without receivers, is for it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The receivers that there are.

    `destinations` maps the name of a receiver to where its messages end up; `aliases` maps a name that routes
    may use to the receiver that stands in for it.
    """

    destinations: Mapping[str, str]
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Planned:
    """A change with what planning made of it."""

    change: Change
    outcome: Outcome
    notifications: tuple[Notification, ...] = ()


def plan(
    changes: Iterable[Change], account: Account, routes: tuple[Route, ...], directory: Directory
) -> tuple[Planned, ...]:
    """Decide for each change who is told; a destination is told once, by its first receiver."""
    return tuple(_plan_one(change, account, routes, directory) for change in changes)


def _plan_one(change: Change, account: Account, routes: tuple[Route, ...], directory: Directory) -> Planned:
    if not change.is_told:
        return Planned(change, Outcome.RECORDED)
    told = [
        (receiver, match.rule)
        for match in route_change(change, account, routes)
        for receiver in resolve_receivers(match.receivers, directory.aliases)
    ]
    notifications: dict[str, Notification] = {}
    for receiver, rule in told:
        destination = directory.destinations[receiver]
        if destination not in notifications:
            notifications[destination] = Notification(
                notification_id=name_of("notification", change.change_id, destination),
                change_id=change.change_id,
                case_id=change.case_id,
                receiver=receiver,
                destination=destination,
                topic=change.topic,
                rule=rule,
            )
    if not notifications:
        return Planned(change, Outcome.NO_ROUTE)
    return Planned(change, Outcome.PLANNED, tuple(notifications.values()))
