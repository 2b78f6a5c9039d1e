"""Who is told of what has changed: the routes, and whoever follows the case already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from notifier.domain.change import Change
from notifier.domain.intervals import TimeInterval
from notifier.domain.model import Account
from notifier.domain.plan import Directory, Guide, Planned, plan, plan_end
from notifier.domain.quiet import Quiet
from notifier.domain.routes import Route
from notifier.domain.state import CaseEnd, ConnectionState
from notifier.service.ports import Books


class Planner:
    """Plans with the routes and receivers of the settings, and what the store knows of each case."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        directory: Directory,
        intervals: Mapping[str, TimeInterval] = MappingProxyType({}),
    ) -> None:
        self._guide = Guide(routes, directory)
        self._intervals = intervals

    def guide(self, books: Books, now: datetime) -> Guide:
        """Return what decides at this instant, with the silences that the store knows."""
        silences = tuple(books.load_silences(now))
        return replace(self._guide, quiet=Quiet(now, silences, self._intervals))

    def plan(
        self,
        books: Books,
        changes: Sequence[Change],
        account: Account,
        now: datetime,
        states: Sequence[ConnectionState] = (),
    ) -> list[Planned]:
        """Plan the changes of one account; `states` are the connections that they have left behind."""
        if not changes:
            return []
        ended = {
            state.key: state.earlier_cases[-1].case_id
            for state in states
            if state.earlier_cases and state.earlier_cases[-1].end is CaseEnd.SUPERSEDED
        }
        cases = {change.case_id for change in changes}
        followers = books.cards.load_followers(cases | set(ended.values()))
        planned = list(plan(changes, account, self.guide(books, now), followers))
        for place, one in enumerate(planned):
            cards = followers.get(ended.pop(one.change.key, ""), ())
            ends = (plan_end(card, one.change, self._guide.directory) for card in cards)
            known = tuple(end for end in ends if end is not None)
            if known:
                planned[place] = replace(one, notifications=(*known, *one.notifications))
        return planned
