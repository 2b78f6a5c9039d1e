"""What a target that fails hides, and what it does not."""

import pytest

from notifier.domain.blindness import Problem, TroubleKind
from notifier.domain.model import ConnectionKey
from notifier.domain.unread import find_unread
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Target
from tests.fakes import ACCOUNT, NOW, VIPPS

WALK = PartnerTarget("dintero", "P10000000", except_accounts=frozenset({"P20000000"}))


@pytest.mark.parametrize(
    ("target", "key", "source", "is_hidden"),
    [
        (AccountTarget("dintero", ACCOUNT), VIPPS, "dintero", True),
        (AccountTarget("dintero", "P20000000"), VIPPS, "dintero", False),
        (ConnectionTarget("dintero", VIPPS), VIPPS, "dintero", True),
        (ConnectionTarget("dintero", VIPPS), ConnectionKey(ACCOUNT, "swish"), "dintero", False),
        (WALK, VIPPS, "dintero", True),
        (WALK, VIPPS, "another", False),
        (WALK, ConnectionKey("P20000000", "vipps"), "dintero", False),
    ],
)
def test_a_failing_target_hides_what_it_covers(
    target: Target, key: ConnectionKey, source: str, is_hidden: bool
) -> None:
    """What a failing target reads is hidden, and nothing that another one reads."""
    problems = [Problem(str(target), NOW, "down")]
    assert find_unread(problems, [target]).hides(key, source) is is_hidden


def test_parts_of_an_answer_hide_nothing() -> None:
    """Where some of an answer is not understood, the rest of it was read."""
    problems = [Problem(str(WALK), NOW, "an odd account", TroubleKind.PARTIAL)]
    assert not find_unread(problems, [WALK]).hides(VIPPS, "dintero")


def test_what_is_no_target_hides_nothing() -> None:
    """A problem of what is not read any more is nobody's."""
    problems = [Problem("dintero: accounts of P90000000", NOW, "down")]
    assert not find_unread(problems, [WALK]).hides(VIPPS, "dintero")
