"""What Dintero might show, from plausible lives of a connection to nonsense.

Events and signups are drawn whole, from many that were made before: that is ten times as fast.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final, TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from notifier.domain.model import ConnectionSnapshot, Event, SignatureLink, Signup
from tests.unit.domain.builders import KEY, LINK, make_event, make_signup, minute, show, show_bare

STATUSES: Final = ("pending", "failed", "declined", "enabled", "under_review")

Check: TypeAlias = Callable[..., None]


def examine(examples: int) -> Callable[[Check], Check]:
    """Return the settings that give the same examples in every run, and leave no file behind.

    `PROPERTY_TIMES=50 pytest tests/property` tries fifty times as many.
    """
    decorate: Any = settings(
        max_examples=examples * int(os.environ.get("PROPERTY_TIMES", "1")),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )

    def apply(check: Check) -> Check:
        decorated: Check = decorate(check)
        return decorated

    return apply


# -- Lives: what truly happened to a connection, and how much of it each answer shows.


@dataclass(frozen=True, slots=True)
class Life:
    """The statuses that a connection took in their order, and the answers that show them.

    `first_shown` is how many of the statuses the first answer shows.
    """

    statuses: tuple[str, ...]
    snapshots: tuple[ConnectionSnapshot, ...]
    first_shown: int


@st.composite
def lives(
    draw: st.DrawFn, *, most_ahead: int = 0, has_signups: bool = True, starts_level: bool = False
) -> Life:
    """Give a life whose events are shown up to one status late, or up to `most_ahead` early.

    With `starts_level`, the first answer shows the event of its status. An answer may skip statuses, turn its
    events round, show some twice, and leave out what was shown before.
    """
    statuses = draw(_successive_statuses())
    has_ids, has_names = draw(st.booleans()), draw(st.booleans())
    events = [
        make_event(f"e{number}" if has_ids else None, one, one if has_names else "", at=number)
        for number, one in enumerate(statuses)
    ]
    pace = draw(_paces(len(statuses), most_ahead))
    if starts_level:
        pace[0] = (pace[0][0], pace[0][0])
    snapshots = []
    before = 0
    for taken, recorded in pace:
        left_out = draw(st.integers(0, before))
        shown = [*events[left_out:recorded], *events[:recorded][draw(st.integers(-2, 0)) :]]
        new = events[before:recorded]
        shown += [event for event in new if event not in shown]
        before = max(before, recorded)
        show_one = show if has_signups else show_bare
        snapshots.append(show_one(statuses[taken - 1], *(reversed(shown) if left_out % 2 else shown)))
    return Life(tuple(statuses), tuple(snapshots), pace[0][0])


@st.composite
def successions(draw: st.DrawFn) -> Life:
    """Give a life of several signups, each pending at first, whose events are shown up to one status late."""
    statuses: list[str] = []
    starts: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        starts.append(len(statuses))
        statuses += ["pending", *draw(st.sampled_from(_AFTERWARDS))]
    events = [make_event(f"e{number}", one, at=10 * number) for number, one in enumerate(statuses)]
    pace = draw(_paces(len(statuses), 0))
    snapshots = [
        show(
            statuses[taken - 1],
            *events[:recorded],
            signups=[make_signup(f"S{start}", 10 * start - 5) for start in starts if start < taken],
        )
        for taken, recorded in pace
    ]
    return Life(tuple(statuses), tuple(snapshots), pace[0][0])


_AFTERWARDS: Final = (
    (),
    ("failed",),
    ("enabled",),
    ("failed", "pending"),
    ("under_review", "declined"),
    ("failed", "pending", "failed"),
)


@st.composite
def _successive_statuses(draw: st.DrawFn) -> list[str]:
    """Give statuses of which each differs from the one before."""
    statuses = [draw(st.sampled_from(STATUSES))]
    for step in draw(st.lists(st.integers(1, len(STATUSES) - 1), max_size=5)):
        statuses.append(STATUSES[(STATUSES.index(statuses[-1]) + step) % len(STATUSES)])
    return statuses


@st.composite
def _paces(draw: st.DrawFn, last: int, most_ahead: int) -> list[tuple[int, int]]:
    """Give for each answer how many statuses were taken and how many are recorded; the last shows all."""
    taken, recorded = 1, 0
    pace: list[tuple[int, int]] = []
    for step, lead in draw(_PACES):
        taken = min(last, taken + step)
        recorded = max(recorded, min(last, taken + min(lead, most_ahead)))
        pace.append((taken, recorded))
    return [*pace, (last, last), (last, last)]


_PACES: Final = st.lists(
    st.sampled_from(list(product(range(3), (-1, 0, 1)))),
    min_size=1,
    max_size=6,
)


# -- Lists: a few distinct events, shown in every way.


POOL: Final = tuple(
    make_event(f"e{number}", status, name, at=number)
    for number, (status, name) in enumerate(
        [
            ("pending", ""),
            ("pending", "signature_required"),
            ("failed", "failed"),
            ("pending", "documents_missing"),
            ("enabled", ""),
            ("declined", "rejected_by_bank"),
        ]
    )
)
"""Events that differ in their ids and in what they are known by without one."""

SHOWN_EVENTS: Final = st.lists(
    st.sampled_from(
        [
            replace(event, event_id=event_id, link=link)
            for event in POOL
            for event_id in (event.event_id, None)
            for link in (None, SignatureLink(LINK), SignatureLink(LINK + "-new"))
        ]
    ),
    max_size=7,
).map(tuple)
"""Some events of the pool, in any order, some twice, with or without ids, with any link."""

_NAMELESS: Final = (
    make_signup(None, None),
    make_signup("S1", None),
    make_signup("S1", -9),
    make_signup("S2", 3),
)

SHOWINGS: Final = st.lists(
    st.builds(
        lambda status, signups, events: ConnectionSnapshot(KEY, status, signups=signups, events=events),
        st.sampled_from(STATUSES),
        st.lists(st.sampled_from(_NAMELESS), max_size=2).map(tuple),
        SHOWN_EVENTS,
    ),
    min_size=1,
    max_size=5,
)
"""Answers that show events of the pool in any way, in any status and signup."""


# -- Nonsense: whatever the types allow.


_INSTANTS: Final = (
    None,
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    *(minute(number) for number in (-5, 0, 0.001, 2, 6)),
)
_LINKS: Final = (None, "", LINK, LINK + "-new", "javascript:alert(1)")
_NAMES: Final = ("", "signature_required", "documents_missing", "withdrawn", "applied", *STATUSES)
_EVENTS: Final = tuple(
    Event(
        event_id, status, name, created_at, "<!channel> \ud800", None if link is None else SignatureLink(link)
    )
    for event_id, status, name, created_at, link in list(
        product((None, "a", "b", ""), (None, "", *STATUSES), _NAMES, _INSTANTS, _LINKS)
    )[::61]
)
_SIGNUPS: Final = tuple(
    Signup(signup_id, created_at, expires_at)
    for signup_id, created_at, expires_at in product((None, "S1", "S2", "S3", ""), _INSTANTS, _INSTANTS)
)
SNAPSHOTS: Final = st.builds(
    lambda status, updated_at, signups, events: ConnectionSnapshot(
        KEY, status, updated_at=updated_at, signups=signups, events=events
    ),
    st.sampled_from([None, "", *STATUSES]),
    st.sampled_from([None, None, None, *_INSTANTS]),
    st.lists(st.sampled_from(_SIGNUPS), max_size=3).map(tuple),
    st.lists(st.sampled_from(_EVENTS), max_size=5).map(tuple),
)
STEPS: Final = st.lists(SNAPSHOTS | SNAPSHOTS | SNAPSHOTS | st.sampled_from(["gone", "left"]), max_size=6)
"""Answers, and between them losses and ends of watching."""
