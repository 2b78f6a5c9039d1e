"""The proof in short: some thirty kills in the storm, and the proof that the proof can fail.

The long form is `make chaos`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from notifier.sandbox import SandboxSlack
from tests.chaos.broken import VARIANTS, WEAK_POINTS
from tests.chaos.ledger import Board, Comparison, Due, Mark, compare
from tests.chaos.nursery import Nursery
from tests.chaos.plan import draw_attacks
from tests.chaos.storm import rage

KILLS: Final = 15
BROKEN_KILLS: Final = 4

in_session = pytest.mark.asyncio(loop_scope="session")


@in_session
@pytest.mark.parametrize("seed", ["short one", "short two"])
async def test_nothing_is_lost_and_nothing_stands_twice(nursery: Nursery, tmp_path: Path, seed: str) -> None:
    """Through kills and faults, each thing that Dintero recorded must stand in Slack once, and in order."""
    outcome = await rage(seed, KILLS, nursery, tmp_path)
    assert outcome.killed == KILLS
    assert outcome.due > KILLS
    assert sum(outcome.faults.values()) > KILLS
    assert outcome.is_kept, outcome


@in_session
@pytest.mark.parametrize("variant", sorted(VARIANTS))
async def test_a_broken_program_is_caught(nursery: Nursery, tmp_path: Path, variant: str) -> None:
    """Without its outbox, its look or its order of record and request, the same comparison must fail."""
    attacks = draw_attacks(WEAK_POINTS[variant])
    outcome = await rage("broken", BROKEN_KILLS, nursery, tmp_path, variant=variant, fates=attacks)
    found = outcome.comparison
    assert outcome.kills[WEAK_POINTS[variant]]
    if variant == "no-reconciliation":
        assert found.doubled
    else:
        assert found.lost


def _edit(change: Callable[[list[Mark]], object]) -> Comparison:
    """Return the comparison of three messages that are due with what a change makes of them."""
    marks = [Mark("sales", "P1", "vipps", "event", name) for name in ("first", "second", "third")]
    due = [
        Due(datetime(2026, 1, 1, second=second, tzinfo=UTC), mark, "case")
        for second, mark in enumerate(marks)
    ]
    change(marks)
    slack = SandboxSlack()
    channel, bot = slack.add_channel("sales"), slack.add_bot()
    slack.add_channel("oncall")
    for mark in marks:
        names = {"account_id": mark.account_id, "connection": mark.connection, "event_id": mark.event_id}
        metadata = {"event_type": "dintero_notification", "event_payload": {"topic": "enabled", **names}}
        slack.post(channel, bot, text="", metadata=metadata)
    return compare(due, Board(slack))


def test_the_comparison_sees_every_difference() -> None:
    """What is right must pass; lost, doubled, invented and disordered messages must each be named."""
    another = Mark("sales", "P1", "vipps", "event", "fourth")
    assert _edit(lambda _marks: None).is_clean
    assert [mark.event_id for mark in _edit(lambda marks: marks.pop(1)).lost] == ["second"]
    assert [mark.event_id for mark in _edit(lambda marks: marks.append(marks[0])).doubled] == ["first"]
    assert _edit(lambda marks: marks.append(another)).invented == [another]
    assert [mark.event_id for mark in _edit(lambda marks: marks.insert(0, marks.pop())).disordered] == [
        "first",
        "second",
    ]
