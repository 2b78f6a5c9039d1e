"""What must hold whatever Dintero shows, in whatever order."""

import os
import subprocess
import sys
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.change import Change
from notifier.domain.detect import detect_connection, unwatch, withdraw
from notifier.domain.first_run import FirstRun
from notifier.domain.message import Link
from notifier.domain.model import TERMINAL_STATUSES, ConnectionSnapshot
from notifier.domain.state import Case, ConnectionState
from tests.property.dintero_strategies import STEPS, examine
from tests.unit.domain.builders import LIVE, SOURCE, TEST, Played, minute, write

Step = ConnectionSnapshot | str
POLICIES = st.sampled_from([None, *FirstRun])


@dataclass(frozen=True, slots=True)
class Moment:
    """The state after a step, and the changes of that step."""

    state: ConnectionState
    changes: tuple[Change, ...]

    def list_cases(self) -> list[Case]:
        """Return all cases of the connection."""
        return [*self.state.earlier_cases, *([self.state.case] if self.state.case else [])]


def live_through(steps: list[Step], policy: FirstRun | None) -> list[Moment]:
    """Return what each step leaves behind; before a first snapshot, nothing can end."""
    state: ConnectionState | None = None
    moments: list[Moment] = []
    for number, step in enumerate(steps):
        now = minute(number)
        if isinstance(step, ConnectionSnapshot):
            state, changes = detect_connection(state, step, SOURCE, policy, now)
        elif state is None:
            continue
        else:
            state, changes = (withdraw if step == "gone" else unwatch)(state, now)
        moments.append(Moment(state, changes))
    return moments


@examine(70)
@given(STEPS, POLICIES)
def test_a_case_never_has_two_open_at_once(steps: list[Step], policy: FirstRun | None) -> None:
    """Every case but the present one must be over, and the present one only where nobody sees it."""
    for moment in live_through(steps, policy):
        state = moment.state
        assert all(case.end is not None for case in state.earlier_cases)
        is_unseen = state.gone_at is not None or state.unwatched_at is not None
        assert state.case is None or (state.case.end is not None) == is_unseen
        ids = [case.case_id for case in moment.list_cases()]
        assert len(set(ids)) == len(ids)
        keys = [event.event_key for event in state.events]
        assert len(set(keys)) == len(keys)
        assert {event.case_id for event in state.events} <= set(ids)
        assert {change.case_id for change in moment.changes} <= set(ids)


@examine(70)
@given(STEPS, POLICIES)
def test_ids_of_changes_are_unique_and_the_same_each_time(steps: list[Step], policy: FirstRun | None) -> None:
    """No two changes may share an id, and the same sequence must give the same changes and states."""
    moments = live_through(steps, policy)
    ids = [change.change_id for moment in moments for change in moment.changes]
    assert len(set(ids)) == len(ids)
    assert live_through(steps, policy) == moments


@examine(70)
@given(STEPS, POLICIES)
def test_detecting_the_same_again_changes_nothing(steps: list[Step], policy: FirstRun | None) -> None:
    """Each step repeated on the state that it leaves behind must give no change and the same state."""
    doubled = [step for step in steps for _ in range(2)]
    moments = live_through(doubled, policy)
    for moment, again in zip(moments[::2], moments[1::2], strict=True):
        assert again.changes == ()
        assert again.state == moment.state


@examine(70)
@given(STEPS, POLICIES, st.sampled_from([LIVE, TEST]), st.integers(-20, 20))
def test_any_change_can_be_told_at_any_later_state(
    steps: list[Step], policy: FirstRun | None, account: object, lateness: int
) -> None:
    """A message must always be possible, and offer a link only while somebody can sign with it."""
    changes: list[Change] = []
    is_live = account is LIVE
    for number, moment in enumerate(live_through(steps, policy)):
        changes += moment.changes
        ends = {case.case_id: case.end for case in moment.list_cases()}
        for change in changes:
            message = write(
                Played(moment.state, ()),
                change,
                account=LIVE if is_live else TEST,
                now=minute(number + lateness),
            )
            assert message.headline
            assert message.headline_value or not message.headline.endswith(":")
            assert not message.wants_mention or (is_live and change.status in {"failed", "declined"})
            if isinstance(message.action, Link):
                assert moment.state.status not in TERMINAL_STATUSES
                assert moment.state.ahead not in TERMINAL_STATUSES
                assert ends[change.case_id] is None


@examine(70)
@given(STEPS, POLICIES)
def test_missing_signup_ids_never_end_a_case(steps: list[Step], policy: FirstRun | None) -> None:
    """A case whose signup has an id must outlive every answer without one."""
    moments = live_through(steps, policy)
    if not moments or moments[-1].state.case is None or moments[-1].state.case.signup_id is None:
        return
    state = moments[-1].state
    for status in ("failed", "pending"):
        nameless = ConnectionSnapshot(state.key, status)
        state, _ = detect_connection(state, nameless, SOURCE, None, minute(90))
        assert state.case is not None
        assert state.case.signup_id == moments[-1].state.case.signup_id
        assert len(state.earlier_cases) == len(moments[-1].state.earlier_cases)


_PROCESS = """
from tests.unit.domain.builders import *
second = make_signup("S2", 5)
played = play(show("pending", make_request()), show("failed"), show("pending", signups=[second]))
print([change.change_id for change in played.changes], played.case.case_id)
"""


def test_ids_are_independent_of_the_process() -> None:
    """Two processes with other hash seeds must give the same ids."""
    answers = {
        subprocess.run(
            [sys.executable, "-c", _PROCESS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
