"""The model finds what is wrong with services that are broken on purpose, or its silence proved nothing."""

from pathlib import Path

import pytest
from hypothesis import Phase

from notifier.domain.delivery import Claim, Receipt
from notifier.domain.writing import Matter
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.settlement import Delivered, Settlement
from tests.property.test_model import Interleaving, run_model

ENOUGH = 60
"""A broken service is found within a few lives; so many are the bound."""


class BlindCourier(Courier):
    """Takes every doubt for a no, without asking."""

    async def _look(self, claim: Claim) -> None:
        return None


class HastyCourier(Courier):
    """Records a delivery before it posts."""

    async def deliver(self, claim: Claim, dossier: Matter | None, deadline: float) -> Settlement:
        """Record, then send."""
        await self.settle(self._settlements.make(claim, Delivered(Receipt())))
        return await super().deliver(claim, dossier, deadline)


class ForgetfulDispatcher(Dispatcher):
    """Does not take over what an earlier run was sending."""

    async def start(self, *, is_alone: bool = True) -> bool:
        """Take over nothing."""
        return False


class Blind(Interleaving):
    """Without reconciliation."""

    courier_kind = BlindCourier


class Hasty(Interleaving):
    """With the record before the post."""

    courier_kind = HastyCourier


class Forgetful(Interleaving):
    """Without recovery."""

    dispatcher_kind = ForgetfulDispatcher


@pytest.mark.parametrize("kind", [Blind, Hasty, Forgetful], ids=lambda kind: kind.__name__)
def test_a_broken_service_is_caught(kind: type[Interleaving], new_store: Path) -> None:
    """Whatever part of the guarantee is taken out, some interleaving shows it."""
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_model(kind, new_store, ENOUGH, phases=[Phase.generate], database=None)
