"""Detect: whole accounts, what is news about them, and which answers are too old."""

from dataclasses import replace

import pytest

from notifier.domain.detect import Detection, Watch, detect_account
from notifier.domain.first_run import FirstRun
from notifier.domain.model import Account, AccountSnapshot, ConnectionKey
from notifier.domain.state import AccountState
from tests.unit.domain.builders import (
    LIVE,
    NOW,
    SOURCE,
    make_event,
    make_request,
    minute,
    play,
    show,
    show_account,
    tell,
)

SWISH = ConnectionKey("P12345678", "swish")
QUIET = Watch(SOURCE, FirstRun.NONE)
FULL = show_account(show("pending", make_request()))


def see(snapshot: AccountSnapshot, state: AccountState | None = None, watch: Watch = QUIET) -> Detection:
    """Detect one account's snapshot, by default with first_run = "none"."""
    return detect_account(state, snapshot, watch, NOW)


def test_snapshot_with_an_older_updated_at_is_ignored() -> None:
    """An answer from before the stored one must change nothing, one of the same instant may."""
    old, new = show("pending", updated=1), show("failed", make_event("e1", "failed"), updated=2)
    played = play(new, old, replace(old, updated_at=minute(2)))
    assert played.steps[1] == ()
    assert play(new, old).state == play(new).state
    assert [status for _, status in played.told_last] == ["pending"]


def test_snapshot_without_updated_at_is_never_too_old() -> None:
    """An answer that does not say when it was updated must be taken, and forget nothing."""
    played = play(show("pending", updated=5), show("failed"), show("pending", updated=1))
    assert played.told_last == []
    assert played.state.updated_at == minute(5)
    assert played.state.status == "failed"


def test_detecting_the_same_again_is_no_news() -> None:
    """A poll that shows nothing new must have nothing to write."""
    first = see(FULL)
    again = see(FULL, first.account)
    assert first.is_news
    assert first.is_account_new
    assert not again.is_news
    assert (again.touched, again.changes, again.suspects) == ((), (), ())


def test_new_connection_of_a_known_account_is_told_in_full() -> None:
    """Once an account was read completely, the first run is over for it."""
    after = see(show_account(*FULL.connections, show("failed", make_request(), key=SWISH)), see(FULL).account)
    assert [topic for topic, _ in tell(after.changes)] == ["signature_required", "status_changed"]
    assert {change.key for change in after.changes} == {SWISH}


def test_account_known_by_a_single_connection_is_not_known_completely() -> None:
    """Where only single connections were read, another one is merely unseen."""
    single = see(show_account(show("pending"), is_complete=False))
    other = show_account(show("pending", make_request(), key=SWISH), is_complete=False)
    assert single.account.first_read_at is None
    assert tell(see(other, single.account).changes) == []


def test_accounts_that_appear_after_the_first_complete_walk_are_reported_in_full() -> None:
    """An arrival must be news whatever first_run says, and its later connections too."""
    arrival = see(FULL, watch=Watch(SOURCE, FirstRun.NONE, is_arrival=True))
    assert tell(arrival.changes) == [("signature_required", "pending")]
    later = see(show_account(*FULL.connections, show("failed", key=SWISH)), arrival.account)
    assert tell(later.changes) == [("status_changed", "failed")]


def test_merchants_name_is_kept_when_an_answer_has_none() -> None:
    """A name must not be forgotten because another answer leaves it out, and must follow a new one."""
    named = see(FULL).account
    single = see(show_account(show("pending"), account=Account("P12345678"), is_complete=False), named)
    assert single.account.account == LIVE
    assert not single.is_account_new
    renamed = see(show_account(*FULL.connections, account=replace(LIVE, merchant="New AS")), named)
    assert renamed.account.account.merchant == "New AS"
    assert renamed.is_news


def test_answer_for_one_connection_does_not_say_whether_the_account_is_live() -> None:
    """A test account must stay one when a direct read, which cannot know it, comes in between."""
    test = see(show_account(show("pending"), account=replace(LIVE, is_live=False)))
    direct = show_account(show("pending"), account=Account("P12345678"), is_complete=False)
    assert not see(direct, test.account).account.account.is_live
    assert see(FULL, test.account).account.account.is_live


def test_touched_are_the_connections_whose_state_is_another_one() -> None:
    """Only what changed may be written."""
    first = see(show_account(show("pending"), show("pending", key=SWISH)))
    after = see(show_account(show("pending"), show("failed", key=SWISH)), first.account)
    assert [state.key for state in after.touched] == [SWISH]
    assert set(after.account.connections) == {"vipps", "swish"}


def test_connections_that_an_answer_does_not_show_are_kept() -> None:
    """Detection must hand back everything that is known of the account."""
    first = see(show_account(show("pending"), show("pending", key=SWISH)))
    single = see(show_account(show("failed"), is_complete=False), first.account)
    assert single.account.connections["swish"] == first.account.connections["swish"]


def test_detection_leaves_the_stored_state_alone() -> None:
    """The state that detection starts from must not be changed by it."""
    first = see(FULL).account
    copy = replace(first, connections=dict(first.connections))
    see(show_account(show("failed"), show("pending", key=SWISH)), first)
    assert first == copy


def test_account_without_a_readable_id_is_nothing_to_remember() -> None:
    """An element of a list whose id cannot be read must not become an account."""
    nobody = AccountSnapshot(Account(""), (), is_complete=False, problems=("no id",))
    assert not see(nobody).is_news


def test_account_that_is_watched_again_is_news() -> None:
    """An account that was no longer watched must be written as watched."""
    left = replace(see(FULL).account, unwatched_at=NOW)
    assert see(FULL, left).is_account_new
    assert see(FULL, left).account.unwatched_at is None


@pytest.mark.parametrize("policy", FirstRun)
def test_account_without_connections_is_known(policy: FirstRun) -> None:
    """An account that has nothing yet must be remembered, so that its first connection is news."""
    empty = see(show_account(), watch=Watch(SOURCE, policy))
    assert empty.is_news
    assert tell(see(FULL, empty.account).changes) == [("signature_required", "pending")]
