"""What the tests of chaos share: one nursery for each worker, since it takes seconds to open."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.chaos.nursery import Nursery


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nursery() -> AsyncIterator[Nursery]:
    """Give the nursery; whoever still lives in it at the end is killed."""
    async with Nursery() as nursery:
        yield nursery
