"""What the benchmarks make of a run: tiny ones, with real parts, and without a word about time."""

from pathlib import Path

import pytest

from benchmarks.canned import CannedDintero
from benchmarks.document import BEGIN, END, write_alternative, write_figures
from benchmarks.outside import Outside
from benchmarks.polls import Effort, compare_polls
from benchmarks.tables import Table, tabulate_comparisons


async def test_polls_are_compared_with_a_bare_loop(tmp_path: Path) -> None:
    """A comparison must hold a lap for each side and round, with work, CPU and a throughput above zero."""
    effort = Effort(rounds=1, seconds=0.02, connections=3)
    with Outside(CannedDintero) as dintero:
        dintero.do(CannedDintero.fill, effort.connections, has_etags=True)
        found = await compare_polls("engine", tmp_path, dintero, effort, 2, is_engine=True)
    assert len(found.ours) == len(found.bare) == 1
    assert all(lap.units > 0 and lap.cpu_seconds > 0 for lap in (*found.ours, *found.bare))
    assert 0 < found.ratio.low <= found.ratio.median <= found.ratio.high
    table = tabulate_comparisons("Polls", "poll", (found,), "a goal")
    assert [len(row) for row in table.rows] == [len(table.columns)]


def test_figures_take_the_place_of_the_last_ones(tmp_path: Path) -> None:
    """Writing must replace what stands between the markers, and nothing else."""
    path = tmp_path / "performance.md"
    path.write_text(f"Before.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", "utf-8")
    for value in ("1", "2"):
        write_figures(
            "A machine.", (Table("Title", ("what", "value"), (("x", value),), ("A remark.",)),), path
        )
    assert path.read_text("utf-8") == (
        f"Before.\n\n{BEGIN}\n\nA machine.\n\n### Title\n\n| what | value |\n| --- | --- |\n| x | 2 |\n\n"
        f"A remark.\n\n{END}\n\nAfter.\n"
    )


def test_one_figure_takes_the_place_of_its_like(tmp_path: Path) -> None:
    """What was measured by itself must replace its own table, say on what, and leave the others."""
    path = tmp_path / "performance.md"
    path.write_text(f"{BEGIN}\nold\n{END}\n", "utf-8")
    tables = [Table(title, ("what",), (("1",),), ()) for title in ("First", "Second")]
    write_figures("A machine.", tuple(tables), path)
    for value in ("2", "3"):
        again = Table("First", ("what",), ((value,),), ())
        write_figures("Another.", (again,), path, keeps_others=True)
    assert path.read_text("utf-8") == (
        f"{BEGIN}\n\nA machine.\n\n### First\n\n| what |\n| --- |\n| 3 |\n\nMeasured by itself. Another.\n\n"
        f"### Second\n\n| what |\n| --- |\n| 1 |\n\n{END}\n"
    )


def test_the_words_for_a_picture_are_its_own(tmp_path: Path) -> None:
    """New words must take the place of the old ones, and a picture that is not there must be missed."""
    path = tmp_path / "performance.md"
    path.write_text("Before.\n\n![old words](growth.svg)\n\n![others](soak.svg)\n", "utf-8")
    write_alternative("growth.svg", "what it shows", path)
    assert path.read_text("utf-8") == "Before.\n\n![what it shows](growth.svg)\n\n![others](soak.svg)\n"
    with pytest.raises(ValueError, match="must be shown once"):
        write_alternative("other.svg", "what it shows", path)
