"""Detect: what is not there, what is gone, what is no longer watched, and what comes back."""

import pytest

from notifier.domain.change import Reason, Topic
from notifier.domain.detect import Watch, detect_account, note_absence, unwatch, withdraw
from notifier.domain.model import ConnectionKey
from notifier.domain.state import CaseEnd, ConnectionState
from tests.unit.domain.builders import (
    KEY,
    NOW,
    SOURCE,
    make_event,
    make_request,
    make_signup,
    minute,
    play,
    reasons,
    show,
    show_account,
    show_bare,
    tell,
)

WATCH = Watch(SOURCE)
SWISH = ConnectionKey("P12345678", "swish")


def lose(status: str = "pending", *, is_bare: bool = False) -> ConnectionState:
    """Return a connection that is gone."""
    shown = show_bare(status) if is_bare else show(status)
    return withdraw(play(shown).state, NOW)[0]


def test_404_for_a_connection_that_never_existed_is_normal() -> None:
    """A connection that is not there must be remembered so, without a case, and cannot be gone."""
    state = note_absence(KEY, SOURCE, NOW)
    assert state.case is None
    assert withdraw(state, NOW) == (state, ())


def test_connection_that_was_not_there_is_told_in_full_when_it_appears() -> None:
    """A connection that was looked for in vain must be news when it appears."""
    state = note_absence(KEY, SOURCE, NOW)
    assert play(show("failed", make_request()), state=state).told == [
        ("signature_required", "pending"),
        ("status_changed", "failed"),
    ]


def test_one_that_was_there_is_gone_only_after_a_complete_read() -> None:
    """A connection must be suspected only by an answer that shows all of them, and never ended by it."""
    first = detect_account(None, show_account(show("pending"), show("pending", key=SWISH)), WATCH, NOW)
    partial = detect_account(first.account, show_account(show("pending"), is_complete=False), WATCH, NOW)
    complete = detect_account(first.account, show_account(show("pending")), WATCH, NOW)
    assert partial.suspects == ()
    assert complete.suspects == (SWISH,)
    assert complete.changes == ()
    assert complete.account.connections["swish"].gone_at is None


def test_unreadable_connection_is_not_missing() -> None:
    """A connection that is in the answer but cannot be read must not be suspected."""
    first = detect_account(None, show_account(show("pending"), show("pending", key=SWISH)), WATCH, NOW)
    snapshot = show_account(show("pending"), unreadable=["swish"], is_complete=True)
    assert detect_account(first.account, snapshot, WATCH, NOW).suspects == ()


@pytest.mark.parametrize(
    ("names", "expected"), [(frozenset[str](), 3), ({"vipps"}, 1), ({"payex"}, 1), ({"klarna"}, 0)]
)
def test_only_what_is_watched_can_be_missing(names: set[str], expected: int) -> None:
    """A connection that is not among the watched names must not be suspected; payex means its products."""
    card = ConnectionKey("P12345678", "payex/creditcard")
    shown = show_account(*(show("pending", key=key) for key in (KEY, SWISH, card)))
    first = detect_account(None, shown, WATCH, NOW)
    watch = Watch(SOURCE, names=frozenset(names))
    assert len(detect_account(first.account, show_account(), watch, NOW).suspects) == expected


def test_connection_that_is_gone_ends_its_case_visibly() -> None:
    """A confirmed loss must be told once, whatever the status, and end the case."""
    for status in ("pending", "enabled", "failed"):
        state, changes = withdraw(play(show(status)).state, minute(5))
        assert tell(changes) == [("withdrawn", status)]
        assert reasons(changes) == [Reason.GONE]
        assert state.case is not None
        assert state.case.end is CaseEnd.WITHDRAWN
        assert withdraw(state, minute(6)) == (state, ())


def test_gone_connection_is_not_suspected_again() -> None:
    """A loss must be confirmed once, not at each poll."""
    first = detect_account(None, show_account(show("pending")), WATCH, NOW)
    gone, _ = withdraw(first.account.connections["vipps"], NOW)
    first.account.connections["vipps"] = gone
    assert detect_account(first.account, show_account(), WATCH, NOW).suspects == ()


def test_connection_that_comes_back_with_the_same_signup_is_told_to_be_back() -> None:
    """A return must open the same case again and be told once."""
    shown = show("pending", make_request())
    before = play(shown)
    played = play(shown, shown, state=withdraw(before.state, NOW)[0])
    assert played.told == [("returned", "pending")]
    assert played.case == before.case
    assert played.state.gone_at is None


def test_connection_that_comes_back_with_another_signup_is_a_new_application() -> None:
    """A return with a newer signup must be told as an application, and leave the old case withdrawn."""
    signups = [make_signup("S1", -60), make_signup("S2", 10)]
    played = play(show("pending", signups=signups), state=lose())
    assert played.told == [("applied", "pending")]
    assert [case.end for case in played.state.earlier_cases] == [CaseEnd.WITHDRAWN]


def test_connection_that_comes_back_without_signup_ids_is_a_new_application() -> None:
    """Where nobody can tell whether it is the same signup, a return must be a new case each time."""
    played = play(show_bare("pending"), state=lose(is_bare=True))
    again = play(show_bare("pending"), state=withdraw(played.state, NOW)[0])
    assert [*played.told, *again.told] == [("applied", "pending")] * 2
    assert len({played.case.case_id, again.case.case_id, again.state.earlier_cases[0].case_id}) == 3


def test_what_happened_while_a_connection_was_gone_is_told() -> None:
    """A return must lose neither the events nor the status of the meantime."""
    played = play(show("failed", make_event("e9", "declined", at=3)), state=lose())
    assert played.told == [
        ("returned", "failed"),
        ("status_changed", "declined"),
        ("status_changed", "failed"),
    ]


def test_going_and_coming_is_told_each_time_under_another_id() -> None:
    """Each loss and each return must be a change of its own."""
    state = play(show("pending")).state
    ids = set()
    for number in range(3):
        state, gone = withdraw(state, minute(number))
        played = play(show("pending"), state=state)
        state = played.state
        ids |= {change.change_id for change in (*gone, *played.changes)}
    assert len(ids) == 6


@pytest.mark.parametrize(
    ("status", "told"), [("pending", [("unwatched", "pending")]), ("enabled", []), ("failed", [])]
)
def test_account_that_is_no_longer_watched_ends_its_cases_visibly(
    status: str, told: list[tuple[str, str]]
) -> None:
    """The end of watching must end the case, and be told where it was still open."""
    state, changes = unwatch(play(show(status)).state, minute(5))
    assert tell(changes) == told
    assert reasons(changes) == [Reason.NO_LONGER_WATCHED]
    assert state.case is not None
    assert state.case.end is CaseEnd.UNWATCHED
    assert unwatch(state, minute(6)) == (state, ())


@pytest.mark.parametrize("state", [note_absence(KEY, SOURCE, NOW), lose()])
def test_end_of_watching_what_is_not_there_is_silent(state: ConnectionState) -> None:
    """A connection that is not there has no case to end."""
    after, changes = unwatch(state, minute(5))
    assert changes == ()
    assert after.case == state.case
    assert after.unwatched_at == minute(5)


@pytest.mark.parametrize(("status", "told"), [("pending", [("returned", "pending")]), ("enabled", [])])
def test_connection_watched_again_is_told_where_its_end_was(status: str, told: list[tuple[str, str]]) -> None:
    """Watching again must be no flood: what ended silently must come back silently."""
    state, _ = unwatch(play(show(status)).state, NOW)
    played = play(show(status), show(status), state=state)
    assert played.told == told
    assert played.case.end is None
    assert played.state.unwatched_at is None


def test_withdrawal_names_what_it_is_about() -> None:
    """The change must carry the case and the last status."""
    played = play(show("declined"))
    (change,) = withdraw(played.state, NOW)[1]
    assert (change.topic, change.case_id, change.status) == (
        Topic.WITHDRAWN,
        played.case.case_id,
        "declined",
    )
