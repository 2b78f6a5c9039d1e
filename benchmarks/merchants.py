"""The sandbox's Dintero in the servers' process, for what reads whole accounts, pages, or keeps times."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from benchmarks.population import OWNER_ID, populate
from notifier.sandbox import SandboxDintero


class Merchants:
    """A `SandboxDintero` with accounts, and what it saw of its reader."""

    def __init__(self) -> None:
        self.dintero = SandboxDintero(OWNER_ID)

    def base_url(self) -> str:
        """Return what stands for Dintero's address."""
        return self.dintero.base_url

    def fill(self, accounts: int, names: tuple[str, ...]) -> None:
        """Hold accounts that all have the same connections; the earlier ones are gone."""
        for account_id in self.dintero.account_ids():
            self.dintero.remove_account(account_id)
        populate(self.dintero, accounts, names)

    def count_reads(self) -> int:
        """Return how many connections, accounts and pages were asked for."""
        counts = self.dintero.counts
        return sum(counts[name] for name in ("connection", "settings", "account", "accounts"))

    def read_first_contacts(self) -> tuple[float | None, float | None]:
        """Return when (monotonic) the first request and the first read came, and forget all requests."""
        requests = list(self.dintero.requests)
        self.dintero.requests.clear()
        first = requests[0].arrived_at if requests else None
        read = next((request.arrived_at for request in requests if request.method == "GET"), None)
        return first, read

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        async with self.dintero.serve():
            yield self
