"""What is installed only by those who ask for it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def find_pinned(name: str) -> set[str]:
    """Return the names that a file of requirements pins."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").lower()
    return set(re.findall(r"(?m)^([a-z0-9._-]+)==", text))


def test_extra_is_tested_and_not_forced_on_anybody() -> None:
    """Apprise and what it needs must be pinned for the tests, and be no part of the product as it comes."""
    assert [re.split(r"[<>=]", one)[0] for one in EXTRAS["apprise"]] == ["apprise"]
    assert {"apprise", "requests"} <= find_pinned("dev.txt")
    assert not {"apprise", "requests", "jsonschema", "standardwebhooks"} & find_pinned("runtime.txt")


def test_the_readme_says_how_each_extra_is_installed() -> None:
    """What the README does not name, nobody installs; what is for developers, make installs."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in set(EXTRAS) - {"dev"}:
        assert f"pip install 'dintero-notifier[{name}]'" in readme, name


def test_extra_is_named_where_people_look() -> None:
    """README, docs and the example must say how Apprise is installed."""
    for name in ("README.md", "docs/receivers.md", "config/notifier.example.toml"):
        assert "pip install 'dintero-notifier[apprise]'" in (ROOT / name).read_text(encoding="utf-8"), name
