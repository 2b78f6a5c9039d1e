"""What a piece of work takes: of the workers, of PostgreSQL, and of the servers that they ask."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, Self

import psycopg

from benchmarks.outside import Outside
from benchmarks.program import Running

BUSY: Final = 0.85
"""What is used to this share has nothing left: some waiting is between any two pieces of work."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_BYTES: Final = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class DatabaseUse:
    """What a database takes; `url` is its address. PostgreSQL has to run on this machine."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        folder = self.read("SHOW data_directory")
        self._pid = int((Path(str(folder)) / "postmaster.pid").read_text("ascii").split()[0])

    def read(self, statement: str) -> object:
        """Return the one value that a statement gives."""
        row = self.connection.execute(statement.encode()).fetchone()
        if row is None:
            raise LookupError(statement)
        found: object = row[0]
        return found

    def read_cpu_seconds(self) -> float:
        """Return the CPU time of all PostgreSQL's processes, those that have ended included (proc(5))."""
        stats = [_read_stat(path) for path in Path("/proc").glob("[0-9]*/stat")]
        own = (sum(map(int, stat[11:15])) for pid, stat in filter(None, stats) if pid == self._pid)
        others = (sum(map(int, stat[11:13])) for _, stat in filter(None, stats) if int(stat[1]) == self._pid)
        return (sum(own) + sum(others)) / _TICKS

    def measure_bytes(self) -> float:
        """Return what all tables take with their indexes, once what was replaced is free to be used again."""
        self.connection.execute("VACUUM")
        return float(str(self.read(_BYTES)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.connection.close()


@dataclass(frozen=True, slots=True)
class Use:
    """What so many pieces of work took: seconds, and CPU seconds of workers, PostgreSQL, servers and all."""

    workers: int
    units: int
    seconds: float
    worker_cpu: float
    database_cpu: float
    server_cpu: float
    machine_cpu: float

    @property
    def a_second(self) -> float:
        """Pieces of work a second."""
        return self.units / self.seconds

    @property
    def worker_seconds(self) -> float:
        """CPU of the workers for one piece of work."""
        return self.worker_cpu / max(self.units, 1)

    @property
    def database_seconds(self) -> float:
        """CPU of PostgreSQL for one piece of work."""
        return self.database_cpu / max(self.units, 1)

    @property
    def busy_cores(self) -> float:
        """How many of the machine's cores were used, by them and by whatever else ran there."""
        return self.machine_cpu / self.seconds

    def less(self, units: int, other: "Use") -> "Use":
        """Return what is left without so many pieces of another work, whose use is known."""
        return Use(
            self.workers,
            self.units,
            self.seconds,
            max(self.worker_cpu - units * other.worker_seconds, 0.0),
            max(self.database_cpu - units * other.database_seconds, 0.0),
            self.server_cpu,
            self.machine_cpu,
        )

    def name_bound(self, demand: float, cores: int) -> str:
        """Say what kept it from being more; `demand` is what was asked for in a second."""
        parts = (self.worker_cpu, self.database_cpu, self.server_cpu)
        others = max(self.machine_cpu - sum(parts), 0.0)
        shares = "workers {:.2f}, PostgreSQL {:.2f}, servers {:.2f}, others {:.2f} cores".format(
            *(one / self.seconds for one in (*parts, others))
        )
        if self.a_second >= BUSY * demand:
            bound = "what there is to do"
        elif self.busy_cores >= BUSY * cores:
            bound = f"the {cores} cores"
        elif self.worker_cpu >= BUSY * self.workers * self.seconds:
            bound = "the workers' CPU, a core each"
        else:
            bound = "waiting for the database"
        return f"{bound} ({shares})"


class Meter:
    """Reads what everybody has used between two looks."""

    def __init__(self, crew: Sequence[Running], database: DatabaseUse, servers: Sequence[Outside]) -> None:
        self._crew = tuple(crew)
        self._database = database
        self._servers = tuple(servers)
        self._began = monotonic()
        self._before = self._read()

    def read(self, units: int) -> Use:
        """Return what so many pieces of work have taken since the beginning."""
        used = [now - before for now, before in zip(self._read(), self._before, strict=True)]
        return Use(len(self._crew), units, monotonic() - self._began, *used)

    def _read(self) -> tuple[float, float, float, float]:
        return (
            sum(one.read_cpu_seconds() for one in self._crew),
            self._database.read_cpu_seconds(),
            sum(one.read_cpu_seconds() for one in self._servers),
            _read_machine(),
        )


def _read_machine() -> float:
    """Return the CPU seconds of everything that runs on this machine (proc(5): all but idle and iowait)."""
    times = list(map(int, Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]))
    return (sum(times) - times[3] - times[4]) / _TICKS


def _read_stat(path: Path) -> tuple[int, list[str]] | None:
    try:
        return int(path.parent.name), path.read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None  # It has ended since it was listed.
