"""Changes in, notifications out: one for each destination that a change is for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from notifier.domain.cards import Card, Followers
from notifier.domain.change import Change, Topic
from notifier.domain.delivery import Notification, Purpose, Traits
from notifier.domain.identity import name_of
from notifier.domain.model import Account
from notifier.domain.quiet import Quiet
from notifier.domain.routes import Match, Route, list_matches, resolve_receivers, route_change


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
    may use to the receiver that stands in for it. `traits` says what a destination can do.
    """

    destinations: Mapping[str, str]
    aliases: Mapping[str, str]
    traits: Mapping[str, Traits] = field(default_factory=dict)

    def find_home(self, card: Card) -> tuple[str, str] | None:
        """Return who follows a card now, and where; None where its receiver has left it, or is gone.

        A receiver that has moved is followed by its name, one that is called otherwise by its destination.
        """
        if card.receiver in self.destinations:
            return card.receiver, self.destinations[card.receiver]
        if not card.receiver:
            return None
        return next((one for one in self.destinations.items() if one[1] == card.destination), None)

    def find_traits(self, destination: str) -> Traits:
        """Return what a destination can do; nothing is expected of one that is unknown."""
        return self.traits.get(destination, Traits())


@dataclass(frozen=True, slots=True)
class Planned:
    """A change with what planning made of it."""

    change: Change
    outcome: Outcome
    notifications: tuple[Notification, ...] = ()
    opened: tuple[Card, ...] = ()
    """Cards of the case that there were not before."""
    poll: str = ""
    """What was polled when the change was seen, and when; "" where no poll has shown it."""


@dataclass(frozen=True, slots=True)
class Guide:
    """Everything that decides who is told: the routes, the receivers, and what is kept back."""

    routes: tuple[Route, ...]
    directory: Directory
    quiet: Quiet | None = None

    def decide(self, change: Change, account: Account) -> dict[str, tuple[str, Match]]:
        """Return the receivers of the routes, each with its match, by destination; the first counts."""
        told: dict[str, tuple[str, Match]] = {}
        for match in route_change(change, account, self.routes):
            for receiver in resolve_receivers(match.receivers, self.directory.aliases):
                told.setdefault(self.directory.destinations[receiver], (receiver, match))
        return told

    def find_match(self, rule: str) -> Match:
        """Return the decision of a route that is called so now; one that is gone keeps nothing back."""
        found = (match for _, _, _, match in list_matches(self.routes) if match.rule == rule)
        return next(found, Match((), rule))


def plan(
    changes: Iterable[Change], account: Account, guide: Guide, followers: Followers = MappingProxyType({})
) -> tuple[Planned, ...]:
    """Decide for each change who is told; a destination is told once, by its first receiver.

    `followers` are the cards that there are of the changes' cases: a case is followed to its end wherever it
    was told of, whatever the routes say by then. A card is brought up to date by every change, also by one
    that is not told.
    """
    cards = {case_id: {card.destination: card for card in every} for case_id, every in followers.items()}
    planned: list[Planned] = []
    for change in changes:
        known = cards.setdefault(change.case_id, {})
        shown = frozenset(card.destination for card in followers.get(change.case_id, ()))
        one = _plan_one(change, account, guide, known, shown)
        planned.append(one)
        known.update((card.destination, card) for card in one.opened)
    return tuple(planned)


def plan_end(card: Card, change: Change, directory: Directory) -> Notification | None:
    """Return what tells that a newer signup has taken the place of a card's; None where nobody needs it.

    A card shows it, and a machine has to know; to people the newer signup is word enough.
    """
    home = directory.find_home(card)
    if home is None or home[1] != card.destination:
        return None
    traits = directory.find_traits(card.destination)
    if not traits.has_threads and traits.is_read_by_people:
        return None
    return Notification(
        notification_id=name_of("superseded", card.case_id, card.destination),
        change_id=change.change_id,
        case_id=card.case_id,
        receiver=home[0],
        destination=card.destination,
        topic=change.topic,
        purpose=Purpose.UPDATE,
        rule=card.rule,
    )


def _plan_one(
    change: Change, account: Account, guide: Guide, known: Mapping[str, Card], shown: frozenset[str]
) -> Planned:
    followed = {} if change.topic == Topic.UNKNOWN_VALUE else _find_followed(known, guide.directory)
    # A card that these changes open shows them all from the start.
    updates = tuple(
        notify(change, card.receiver, destination, Purpose.UPDATE)
        for destination, card in followed.items()
        if destination in shown and guide.directory.find_traits(destination).has_threads
    )
    if not change.is_told:
        return Planned(change, Outcome.RECORDED, updates)
    told = guide.decide(change, account)
    # The receivers of a case stay; when they are told is up to the route that is for this change, if any is.
    told = {
        where: (card.receiver, told[where][1] if where in told else guide.find_match(card.rule))
        for where, card in followed.items()
    } | {where: decided for where, decided in told.items() if where not in followed}
    if not told:
        return Planned(change, Outcome.NO_ROUTE)
    notifications = tuple(
        replace(
            notify(change, receiver, destination, Purpose.TELL, match.rule),
            muted_by=guide.quiet.find_reason(change, account, match) if guide.quiet else "",
        )
        for destination, (receiver, match) in told.items()
    )
    opened = tuple(
        Card(change.case_id, one.destination, one.receiver, one.rule, change.seen_at)
        for one in notifications
        if one.destination not in known and change.topic != Topic.UNKNOWN_VALUE
    )
    return Planned(change, Outcome.PLANNED, (*updates, *notifications), opened)


def _find_followed(known: Mapping[str, Card], directory: Directory) -> dict[str, Card]:
    """Return the cards by where they are followed now, each with who does: a receiver may have moved."""
    followed: dict[str, Card] = {}
    for card in known.values():
        home = directory.find_home(card)
        if home is not None:
            receiver, destination = home
            followed.setdefault(destination, known.get(destination, card)._replace(receiver=receiver))
    return followed


def notify(change: Change, receiver: str, destination: str, purpose: Purpose, rule: str = "") -> Notification:
    """Return the notification of a change for one destination."""
    kind = "notification" if purpose is Purpose.TELL else "update"
    return Notification(
        notification_id=name_of(kind, change.change_id, destination),
        change_id=change.change_id,
        # A word that is unknown is nobody's signup: it stands by itself.
        case_id=change.change_id if change.topic == Topic.UNKNOWN_VALUE else change.case_id,
        receiver=receiver,
        destination=destination,
        topic=change.topic,
        purpose=purpose,
        rule=rule,
    )
