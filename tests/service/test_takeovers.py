"""Who is taken for gone: by the database's clock, as long as that can be trusted."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from notifier.workers.takeover import Takeover
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from procrastinate import App

STALLED = 25.0
CONTACT = 12.0
LOOK = 2.0
JOB = Job(id=7, queue="deliver", lock="l", queueing_lock="l", task_name="unknown", worker_id=1)


@dataclass
class Database:
    """As much of Procrastinate as is asked; its clock may be set, and it may fail."""

    clock: FakeClock
    ahead: float = 1_000.0
    is_down: bool = False
    finished: list[int] = field(default_factory=list)

    @property
    def job_manager(self) -> "Database":
        """The jobs."""
        return self

    @property
    def connector(self) -> "Database":
        """The way to the database."""
        return self

    async def get_stalled_jobs(self, seconds_since_heartbeat: float) -> list[Job]:
        """Say that one worker is silent."""
        assert seconds_since_heartbeat == STALLED
        if self.is_down:
            raise ConnectorException
        return [JOB]

    async def execute_query_one_async(self, _query: str) -> dict[str, Any]:
        """Tell the time."""
        return {"seconds": self.clock.monotonic() + self.ahead}

    async def finish_job_by_id_async(self, job_id: int, *_: object, **__: object) -> None:
        """Take note of an end."""
        self.finished.append(job_id)


@pytest.fixture
def database(clock: FakeClock) -> Database:
    """Give a database that works."""
    return Database(clock)


async def look_for(takeover: Takeover, clock: FakeClock, seconds: float) -> int:
    """Look again and again; return how many jobs were given to others."""
    count = 0
    for _ in range(int(seconds / LOOK)):
        count += await takeover.look()
        clock.advance(LOOK)
    return count


@pytest.mark.parametrize("event", ["silence", "clock set forward"])
async def test_nobody_is_taken_for_gone_where_nobody_could_be_heard(
    database: Database, clock: FakeClock, event: str
) -> None:
    """After a silence of the database's own, or a jump of its clock, everybody must be heard of first."""
    takeover = Takeover(cast("App", database), clock.monotonic, STALLED, CONTACT)
    assert await look_for(takeover, clock, CONTACT) == 0
    assert await look_for(takeover, clock, LOOK) == 1
    if event == "silence":
        database.is_down = True
        assert await look_for(takeover, clock, LOOK) == 0
        database.is_down = False
    else:
        database.ahead += STALLED
    assert await look_for(takeover, clock, CONTACT) == 0
    assert await look_for(takeover, clock, LOOK) == 1
    assert database.finished == [7, 7]
