"""A bound on the bytes of all bodies that are being read."""

import asyncio
from types import TracebackType
from typing import Self


class BytesBudget:
    """At most `total_bytes` among all leases, of which one alone may use the last `reserve_bytes`.

    No lease waits while it keeps all others from ending: whoever holds the reserve can always go on. Taking
    what is free is a comparison and an addition.
    """

    def __init__(self, total_bytes: int, reserve_bytes: int) -> None:
        self._shared_bytes = max(total_bytes - reserve_bytes, 0)
        self._used_bytes = 0
        self._reserve = asyncio.Lock()

    def lease(self) -> "Lease":
        """Open a lease of nothing yet."""
        return Lease(self)

    async def take(self, lease: "Lease", count: int) -> None:
        """Give a lease `count` bytes more, waiting for the reserve when the shared part is used up."""
        if not lease.has_reserve and self._used_bytes + count > self._shared_bytes:
            await self._reserve.acquire()
            lease.has_reserve = True
        self._used_bytes += count
        lease.held_bytes += count

    def give_back(self, lease: "Lease") -> None:
        """Take back all that a lease holds."""
        self._used_bytes -= lease.held_bytes
        lease.held_bytes = 0
        if lease.has_reserve:
            lease.has_reserve = False
            self._reserve.release()


class Lease:
    """One body's part of the budget, given back when the block ends."""

    __slots__ = ("_budget", "has_reserve", "held_bytes")

    def __init__(self, budget: BytesBudget) -> None:
        self._budget = budget
        self.held_bytes = 0
        self.has_reserve = False

    async def take(self, count: int) -> None:
        """Take `count` bytes more."""
        await self._budget.take(self, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self)
