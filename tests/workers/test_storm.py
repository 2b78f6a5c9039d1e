"""The proof in short over several workers: kills and a database that is restarted, while others live on.

The long form is `make chaos ENGINE=postgres WORKERS=2`, or 4.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.chaos.crowd import rage_together
from tests.chaos.nursery import Nursery
from tests.postgres import Cluster

KILLS: Final = 10


@pytest.mark.asyncio(loop_scope="session")
async def test_workers_that_are_killed_lose_and_double_nothing(
    nursery: Nursery, cluster: Cluster, tmp_path: Path
) -> None:
    """Through kills, faults and restarts of the database, each thing must stand in Slack once, in order."""
    outcome = await rage_together("short", KILLS, nursery, tmp_path, cluster, 2)
    assert outcome.killed >= KILLS
    assert outcome.due > KILLS
    assert outcome.is_kept, outcome
