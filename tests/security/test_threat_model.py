"""docs/security.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_in_the_threat_model_exists() -> None:
    """What the document calls proved has a test of that name, and each of ours is called on."""
    named = NAMED.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(named) > 30
    for path, name in named:
        assert re.search(
            rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
        ), name
