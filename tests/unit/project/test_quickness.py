"""The unit tests stay quick: nothing that takes its time is imported for them."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
SLOW = re.compile(
    r"(?m)^(?:from|import) (?:notifier\.(?:store|app|workers|commands)|sqlalchemy|psycopg|playwright)\b"
)


def test_no_store_is_imported_for_unit_tests() -> None:
    """What needs a store, a server or a process belongs elsewhere: each worker would wait for it."""
    paths = [TESTS / "conftest.py", TESTS / "fakes.py", *(TESTS / "unit").rglob("*.py")]
    assert len(paths) > 50
    assert not [path.name for path in paths if SLOW.search(path.read_text(encoding="utf-8"))]
