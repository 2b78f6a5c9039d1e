"""A look that is refused for now is no leave to send again; one refused for long does not block the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from notifier.domain.delivery import Claim, Notification
from notifier.errors import DeliveryRejected, DeliveryUnavailable, LookupImpossible
from notifier.sandbox import Fault, answer, html, ok_false, reset, wrong_shape
from notifier.service.courier import LASTING_REFUSAL, _is_hopeless
from tests.chaos.ledger import Ledger
from tests.chaos.nursery import Nursery
from tests.chaos.test_crash_points import PATIENCE, POST, begin_three, check_end, in_session
from tests.chaos.world import open_world

REFUSALS: Final = {
    "not there": answer(404),
    "forbidden": answer(403),
    "unauthorized": answer(401),
    "a page": html(404),
    "a new word": ok_false("something_unheard_of"),
    "without messages": wrong_shape({"ok": True}),
}


@in_session
@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
async def test_a_look_that_is_refused_for_now_is_repeated(
    nursery: Nursery, tmp_path: Path, fault: Fault
) -> None:
    """What something on the way says instead of Slack's history must not make a message stand twice."""
    async with open_world(nursery, tmp_path, settings=PATIENCE) as world:
        ledger = Ledger(world.dintero)
        begin_three(world, ledger)
        world.slack.faults.add(
            reset(after_effect=True).on(*POST, times=2),
            fault.on("GET", "conversations", times=6),
        )
        await world.run_once()
        await check_end(world, ledger)


def test_a_refusal_is_believed_when_it_lasts() -> None:
    """Only Slack's own word, or a refusal long after the look should have ended, says that none can ask."""
    ends_at = datetime(2026, 1, 1, tzinfo=UTC)
    notification = Notification("n", "change", "case", "sales", "destination", "enabled")
    claim = Claim(notification, 1, ends_at, is_repeat=True, doubt_ends_at=ends_at)
    refused = DeliveryRejected("no", scope="receiver")
    assert _is_hopeless(LookupImpossible("never"), claim, ends_at)
    assert not _is_hopeless(refused, claim, ends_at + LASTING_REFUSAL - timedelta(seconds=1))
    assert _is_hopeless(refused, claim, ends_at + LASTING_REFUSAL)
    assert not _is_hopeless(DeliveryUnavailable("down"), claim, ends_at + 2 * LASTING_REFUSAL)
