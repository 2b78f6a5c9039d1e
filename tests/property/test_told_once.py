"""Whatever of a connection's life is shown, and when, everything in it is told exactly once."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.change import Reason, Topic
from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionSnapshot, Event
from tests.property.dintero_strategies import POOL, SHOWINGS, SHOWN_EVENTS, Life, examine, lives, successions
from tests.unit.domain.builders import minute, play, show


def count_told(life: Life, policy: FirstRun | None = None) -> Counter[str | None]:
    """Return how often each status was told."""
    return Counter(status for _, status in play(*life.snapshots, policy=policy).told)


@examine(60)
@given(lives(most_ahead=1))
def test_every_status_of_a_signup_is_told_once(life: Life) -> None:
    """Each status must be told once, be its event a little early, a little late, or in time."""
    assert count_told(life) == Counter(life.statuses)


@examine(60)
@given(lives(has_signups=False))
def test_every_status_is_told_once_without_signups(life: Life) -> None:
    """The same must hold where nobody can tell one application from the next."""
    assert count_told(life) == Counter(life.statuses)


@examine(60)
@given(successions())
def test_every_status_of_successive_signups_is_told_once(life: Life) -> None:
    """The same must hold where one signup follows another."""
    assert count_told(life) == Counter(life.statuses)


@examine(60)
@given(lives(starts_level=True))
def test_first_run_none_tells_what_comes_later_and_nothing_else(life: Life) -> None:
    """What the first answer showed must stay silent, and the rest be told once."""
    assert count_told(life, FirstRun.NONE) == Counter(life.statuses[life.first_shown :])


@examine(60)
@given(lives(most_ahead=1))
def test_first_run_all_tells_everything_once(life: Life) -> None:
    """With "all", the first sight must make no difference."""
    assert count_told(life, FirstRun.ALL) == Counter(life.statuses)


@examine(60)
@given(st.lists(st.sampled_from(["pending", "failed", "declined", "enabled"]), min_size=1, max_size=9))
def test_status_without_events_is_told_whenever_it_changes(statuses: list[str]) -> None:
    """Where Dintero records nothing, each change of status must be told, and only the changes."""
    played = play(*(show(status) for status in statuses))
    changed = [one for one, before in zip(statuses, [None, *statuses], strict=False) if one != before]
    assert [status for _, status in played.told] == changed


@examine(60)
@given(SHOWINGS)
def test_every_event_is_told_at_most_once_however_the_list_is_shown(shown: list[ConnectionSnapshot]) -> None:
    """Re-ordered, repeated, truncated or grown lists must give one change an event, with any id and link."""
    played = play(*shown)
    seen = {event.created_at for snapshot in shown for event in snapshot.events}
    about = [one for one in played.changes if one.event_key and one.topic != Topic.LINK_REPLACED]
    assert Counter(one.at for one in about) == Counter(seen)
    assert all(one.is_told or one.reason is Reason.TOLD_BY_STATUS for one in about)
    folded = Counter(one.status for one in about if not one.is_told)
    bare = Counter(one.status for one in played.changes if one.is_told and not one.event_key)
    assert folded <= bare


@examine(60)
@given(SHOWN_EVENTS, SHOWN_EVENTS)
def test_ids_that_appear_later_or_vanish_give_no_new_event(
    first: tuple[Event, ...], second: tuple[Event, ...]
) -> None:
    """Once every event is known, no way of showing them may give a change other than of a link."""
    known = play(show("pending", *POOL))
    later = play(show("pending", *first), show("pending", *second), state=known.state)
    assert {change.topic for change in later.changes} <= {Topic.LINK_REPLACED}
    assert [event.event_key for event in later.state.events] == [
        event.event_key for event in known.state.events
    ]


@examine(60)
@given(SHOWINGS, st.integers(1, 500))
def test_stale_answers_change_nothing(shown: list[ConnectionSnapshot], age: int) -> None:
    """An answer from before the stored one must change neither the state nor what is told."""
    played = play(show("pending", *POOL, updated=0))
    old = [replace(snapshot, updated_at=minute(-age)) for snapshot in shown]
    later = play(*old, state=played.state)
    assert later.changes == ()
    assert later.state == played.state
