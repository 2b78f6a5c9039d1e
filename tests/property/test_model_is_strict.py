"""The model finds what is wrong with services that are broken on purpose, or its silence proved nothing."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase

from notifier.domain.delivery import Claim, Receipt
from notifier.domain.writing import Matter
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.settlement import Delivered, Settlement
from tests.property.grounds import FileGround
from tests.property.test_model import Interleaving, run_model

ENOUGH = 60
"""A broken service is found within a few lives; so many are the bound."""


class BlindCourier(Courier):
    """Takes every doubt for a no, without asking."""

    async def _look(self, claim: Claim) -> None:
        return None


class HastyDispatcher(Dispatcher):
    """Records a delivery before it posts."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        store, courier = self._store, self._courier
        send = courier.deliver

        async def deliver(claim: Claim, matter: Matter | None, deadline: float) -> Settlement:
            settlement = courier.settlements.make(claim, Delivered(Receipt()))
            await store.run(lambda books: courier.settlements.record(books, [settlement]))
            return await send(claim, matter, deadline)

        courier.deliver = deliver  # type: ignore[method-assign]


class ForgetfulDispatcher(Dispatcher):
    """Does not take over what an earlier run was sending."""

    async def start(self) -> bool:
        """Take over nothing."""
        return False


class Blind(Interleaving):
    """Without reconciliation."""

    courier_kind = BlindCourier


class Hasty(Interleaving):
    """With the record before the post."""

    dispatcher_kind = HastyDispatcher


class Forgetful(Interleaving):
    """Without recovery."""

    dispatcher_kind = ForgetfulDispatcher


@pytest.mark.parametrize("kind", [Blind, Hasty, Forgetful], ids=lambda kind: kind.__name__)
def test_a_broken_service_is_caught(kind: type[Interleaving], new_store: Path) -> None:
    """Whatever part of the guarantee is taken out, some interleaving shows it."""
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_model(kind, partial(FileGround, new_store), ENOUGH, phases=[Phase.generate], database=None)
