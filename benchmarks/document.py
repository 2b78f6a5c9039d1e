"""A document with figures: those of a run stand between two markers, the words around them stay."""

from pathlib import Path
from typing import Final

from benchmarks.tables import Table

PATH: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: written by `python -m benchmarks --write` -->"
END: Final = "<!-- end of figures -->"


def write_figures(
    machine: str, tables: tuple[Table, ...], path: Path = PATH, *, begin_mark: str = BEGIN
) -> None:
    """Put the figures in the place of those of the last run. Raises ValueError where a marker is missing."""
    before, begin, rest = path.read_text("utf-8").partition(begin_mark)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there must be both markers in {path.name}")
    figures = "\n\n".join((begin_mark, machine, *(table.write() for table in tables), END))
    path.write_text(f"{before}{figures}{after}", "utf-8")
