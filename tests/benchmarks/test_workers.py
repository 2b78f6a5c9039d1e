"""What is measured of workers is what the calculation to a million accounts starts from."""

from dataclasses import asdict, fields, replace
from math import inf, isfinite
from pathlib import Path

import pytest

from benchmarks import workers
from benchmarks.figures import Figures, find_gain, gather_figures, write_json
from benchmarks.labour import tabulate_workers
from benchmarks.scaling import Plan, read_figures
from benchmarks.usage import Use
from benchmarks.workers import Shift, measure_workers

# More than two ticks: so often, and no more, there is something to read.
LITTLE = Shift(jobs=10, few=5, accounts=30, seconds=2.5, partner=20, changes=4, held=(5, 100))
USE = Use(1, 1_000, 2.0, worker_cpu=0.5, database_cpu=0.25, server_cpu=0.1, machine_cpu=0.9)


def test_every_figure_comes_from_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real workers on a real PostgreSQL must give every figure, which the calculation takes as they are."""
    monkeypatch.setattr(workers, "_SETTLE_SECONDS", 0.2)
    found = measure_workers(tmp_path, LITTLE)
    figures = gather_figures("A machine.", found, 2)
    write_json(tmp_path / "figures.json", figures)
    assert read_figures((tmp_path / "figures.json").read_bytes()) == (figures, Plan())
    values = {one.name: getattr(figures, one.name) for one in fields(Figures)}
    # With so little the noise of memory and pages is greater than what is measured.
    noisy = {"machine", "connection_bytes", "mark_bytes", "case_bytes"}
    assert all(value >= 0 and isfinite(value) for name, value in values.items() if name not in noisy), values
    assert figures.worker_bytes > 20e6
    assert (found.crews[0].polls.workers, found.crews[1].polls.workers) == (1, 2)
    assert found.messages.units == 3 * (LITTLE.changes // 2)
    assert found.crews[0].jobs.units == LITTLE.jobs
    text = "".join(table.write() for table in tabulate_workers(found, 2))
    assert "bound by" in text
    assert asdict(figures).keys() == values.keys()


def test_what_bounds_is_named() -> None:
    """All there was to do, all cores, a core for each worker, or the database: in this order."""
    assert USE.name_bound(550.0, 2).startswith("what there is to do (workers 0.25, PostgreSQL 0.12,")
    assert replace(USE, machine_cpu=3.6).name_bound(inf, 2).startswith("the 2 cores (")
    assert replace(USE, worker_cpu=1.8).name_bound(inf, 4).startswith("the workers' CPU")
    assert USE.name_bound(inf, 2).startswith("waiting for the database (")


def test_gain_is_that_of_workers_with_cores_of_their_own() -> None:
    """By work a second where a core was idle; by CPU for each piece where all were busy; from 1 to 2."""
    two = replace(USE, workers=2, units=1_500)
    assert find_gain(USE, two, 2, inf) == pytest.approx(1.5)
    busy = replace(two, units=1_000, worker_cpu=0.7, database_cpu=0.3, machine_cpu=4.0)
    assert find_gain(USE, busy, 2, inf) == pytest.approx(2 * 0.75 / 1.0)
    assert find_gain(USE, replace(two, units=5_000), 2, inf) == 2.0
    assert find_gain(USE, replace(two, units=500), 2, inf) == 1.0
    # Both did all there was to do, which says nothing of what they could.
    assert find_gain(USE, replace(USE, workers=2), 2, 500.0) == 2.0


def test_what_other_work_took_is_taken_off() -> None:
    """Polls that went on beside messages must not count as theirs, and nothing falls below nothing."""
    messages = replace(USE, units=10, worker_cpu=0.6, database_cpu=0.1)
    assert messages.less(1_000, USE).worker_cpu == pytest.approx(0.1)
    assert messages.less(1_000, USE).database_cpu == 0.0
