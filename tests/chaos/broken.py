"""The program, broken on purpose: each variant lacks one part of the guarantee, and the proof must notice.

They are put over the real program in a process of its own, by `launch.py`; nothing of them is in the product.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from sqlalchemy import delete

from notifier.domain.delivery import Claim, DeliveryState, Receipt
from notifier.domain.writing import Matter
from notifier.errors import DeliveryError
from notifier.service.courier import Courier
from notifier.service.settlement import Delivered, Settlement
from notifier.store import tables
from notifier.store.outbox import Outbox

_OPEN: Final = (DeliveryState.DUE, DeliveryState.SENDING)


def lose_outbox() -> None:
    """What is to be sent lives and dies with the process, as a queue in memory does."""

    def recover(self: Outbox, look_at: datetime, ends_at: datetime, destination: str | None = None) -> int:
        self._connection.execute(delete(tables.outbox).where(tables.outbox.c.state.in_(_OPEN)))
        return 0

    Outbox.recover = recover  # type: ignore[method-assign]


def ignore_doubt() -> None:
    """What may have arrived is sent again without a look."""

    async def look(self: Courier, claim: Claim) -> None:
        return None

    Courier._look = look  # type: ignore[method-assign]


def record_first() -> None:
    """A message counts as delivered before its request has left."""
    settle = Courier.settle

    async def deliver(self: Courier, claim: Claim, matter: Matter | None, deadline: float) -> Settlement:
        settlement = self._settlements.make(claim, Delivered(Receipt()))
        await settle(self, settlement)
        with suppress(DeliveryError):
            await self._send(claim, self._compose(claim, matter), deadline)
        return settlement

    async def settle_no_more(self: Courier, settlement: Settlement) -> bool:
        return True

    Courier.deliver = deliver  # type: ignore[method-assign]
    Courier.settle = settle_no_more  # type: ignore[method-assign]


VARIANTS: Final[dict[str, Callable[[], None]]] = {
    "no-outbox": lose_outbox,
    "no-reconciliation": ignore_doubt,
    "record-before-post": record_first,
}
