"""A document with figures: those of a run stand between two markers, the words around them stay."""

import re
from pathlib import Path
from typing import Final

from benchmarks.tables import Table

PATH: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: written by `python -m benchmarks --write` -->"
END: Final = "<!-- end of figures -->"
_TITLE: Final = "### "


def write_alternative(picture: str, words: str, path: Path = PATH) -> None:
    """Put words in the place of those that stand for a picture. Raises ValueError where it is not shown."""
    text, count = re.subn(
        rf"!\[[^]]*]\({re.escape(picture)}\)", f"![{words}]({picture})", path.read_text("utf-8")
    )
    if count != 1:
        raise ValueError(f"{picture} must be shown once in {path.name}")
    path.write_text(text, "utf-8")


def write_figures(
    machine: str,
    tables: tuple[Table, ...],
    path: Path = PATH,
    *,
    begin_mark: str = BEGIN,
    keeps_others: bool = False,
) -> None:
    """Put the figures in the place of those of the last run. Raises ValueError where a marker is missing.

    With `keeps_others` only tables of the same title are replaced; below each stands what it was measured on.
    """
    before, begin, rest = path.read_text("utf-8").partition(begin_mark)
    kept, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there must be both markers in {path.name}")
    if keeps_others:
        first, *sections = kept.strip().split(f"\n\n{_TITLE}")
        by_title = {one.partition("\n")[0]: f"{_TITLE}{one}" for one in sections}
        by_title |= {one.title: f"{one.write()}\n\nMeasured by itself. {machine}" for one in tables}
        parts = [first, *by_title.values()]
    else:
        parts = [machine, *(table.write() for table in tables)]
    figures = "\n\n".join((begin_mark, *parts, END))
    path.write_text(f"{before}{figures}{after}", "utf-8")
