"""The calculation to a million accounts: pure arithmetic, with figures that are easy to check by hand."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.document import END
from benchmarks.figures import Figures
from benchmarks.scaling import (
    BEGIN,
    PATH,
    Plan,
    calculate,
    count_workers,
    find_limits,
    main,
    read_figures,
    tabulate,
)

FIGURES = Figures(
    machine="A machine.",
    page_seconds=0.01,
    poll_seconds=0.0005,
    message_seconds=0.005,
    job_seconds=0.002,
    page_database_seconds=0.004,
    poll_database_seconds=0.0002,
    message_database_seconds=0.003,
    job_database_seconds=0.001,
    gain_of_two=2.0,
    mark_bytes=100,
    case_bytes=4_000,
    worker_bytes=100e6,
    connection_bytes=0,
)


def test_demand_follows_from_the_figures() -> None:
    """Walks, pending reads, messages, jobs and bytes must each be what the document's formula says."""
    found = calculate(90_000, FIGURES, Plan())
    assert found.walk_requests == pytest.approx(90_000 / 100 / 900)
    assert found.pending_requests == pytest.approx(90_000 * 3 * 0.01 / 60)
    assert found.messages == pytest.approx(90_000 * 2 / 365 * 2 * 0.2 / 3600)
    assert found.jobs == pytest.approx(180 / 900 + 180 / 60 + found.messages)
    assert found.cpu == pytest.approx(0.01 + 45 * 0.0005 + found.messages * 0.005 + found.jobs * 0.002)
    assert found.database_cpu == pytest.approx(
        0.004 + 45 * 0.0002 + found.messages * 0.003 + found.jobs * 0.001
    )
    assert found.database_bytes == pytest.approx(270_000 * 100 + 90_000 * 2 / 365 * 90 * 4_000)


@pytest.mark.parametrize(
    ("cores", "gain", "workers"),
    [(0.1, 2.0, 2), (3.0, 2.0, 4), (1.5, 1.5, 3), (2.0, 1.6, 4), (4.0, 1.6, None)],
)
def test_workers_that_wait_for_one_another_are_more(cores: float, gain: float, workers: int | None) -> None:
    """One more than it takes, more where two do less than twice as much, none where none is enough."""
    assert count_workers(cores, gain) == workers


def test_what_breaks_first_stands_first() -> None:
    """Limits come in the order in which they are met, and each is met where it says."""
    figures = replace(FIGURES, gain_of_two=1.6)
    limits = find_limits(figures, Plan())
    assert [limit for _, limit in limits] == sorted(limit for _, limit in limits)
    asked = dict(limits)["Dintero is asked 100 times a second"]
    assert calculate(round(asked), figures, Plan()).requests == pytest.approx(100, rel=1e-3)
    text = "\n".join(table.write() for table in tabulate(FIGURES, Plan()))
    assert "| all workers wait for one another | not in sight |" in text


def test_figures_are_read_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure must be there and known; a plan may be changed in part; the tables say both."""
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(asdict(FIGURES) | {"plan": {"walk_seconds": 60.0}}), "utf-8")
    assert read_figures(path.read_bytes()) == (FIGURES, replace(Plan(), walk_seconds=60.0))
    main([str(path)])
    shown = capsys.readouterr().out
    assert "A machine." in shown
    assert "1,000,000" in shown
    for content in (
        {"machine": "x"},
        asdict(FIGURES) | {"speed": 1},
        asdict(FIGURES) | {"plan": {"pace": 1}},
    ):
        with pytest.raises(ValueError, match=r"page_seconds|speed|pace"):
            read_figures(json.dumps(content).encode())


def test_the_document_has_a_place_for_the_figures_and_every_formula_name() -> None:
    """`--write` must find both markers, and each name of a figure is explained."""
    text = PATH.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    for name in (*asdict(FIGURES), *asdict(Plan())):
        assert f"`{name}`" in text, name
