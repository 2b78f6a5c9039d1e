"""The program, broken on purpose: each variant lacks one part of the guarantee, and the proof must notice.

They are put over the real program in a process of its own, by `launch.py`; nothing of them is in the product.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete

from notifier.domain.delivery import Claim, DeliveryState, Receipt
from notifier.domain.waypoints import Waypoint, reach
from notifier.domain.writing import Matter
from notifier.errors import DeliveryError
from notifier.service.courier import Courier
from notifier.service.desk import Answer
from notifier.service.dispatcher import Dispatcher
from notifier.service.lane import Lane
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
    begin = Dispatcher.__init__

    def make(self: Dispatcher, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        store, courier = self._store, self._courier

        async def deliver(claim: Claim, matter: Matter | None, deadline: float) -> Settlement:
            settlement = courier.settlements.make(claim, Delivered(Receipt()))
            await store.run(lambda books: courier.settlements.record(books, [settlement]))
            reach(Waypoint.SETTLED)
            with suppress(DeliveryError):
                await courier._send(claim, courier._compose(claim, matter), deadline)
            return settlement

        courier.deliver = deliver  # type: ignore[method-assign]

    async def record_nothing(self: Lane, settlement: Settlement, *, goes_on: bool) -> tuple[Answer, float]:
        return Answer(due_at=self._clock.now()), 0.0

    Dispatcher.__init__ = make  # type: ignore[method-assign]
    Lane._settle = record_nothing  # type: ignore[method-assign]


VARIANTS: Final[dict[str, Callable[[], None]]] = {
    "no-outbox": lose_outbox,
    "no-reconciliation": ignore_doubt,
    "record-before-post": record_first,
}

WEAK_POINTS: Final[dict[str, Waypoint]] = {
    "no-outbox": Waypoint.KEPT,
    "no-reconciliation": Waypoint.ANSWERED,
    "record-before-post": Waypoint.REQUESTING,
}
"""Where each variant has to be killed to show what it lacks; elsewhere it may come through by luck."""
