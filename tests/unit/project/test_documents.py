"""What is written about the product is true, and names everything."""

import argparse
import json
import re
import tomllib
from pathlib import Path

import pytest

from notifier import cli

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _list_commands() -> set[str]:
    (choices,) = (
        action.choices
        for action in cli._make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return set(choices)


def test_the_readme_names_every_command() -> None:
    """A command that the README does not name does not exist for users."""
    named = set(re.findall(r"^\| `notifier ([a-z-]+)", README, flags=re.MULTILINE))
    assert named == _list_commands()


def test_documents_and_the_makefile_name_the_same_targets() -> None:
    """What a document tells one to make can be made, and whatever proves something is told of."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = dict(re.findall(r"^([a-z-]+):.*## (.*)$", makefile, flags=re.MULTILINE))
    named: set[str] = set()
    for document in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = document.read_text(encoding="utf-8")
        named |= set(re.findall(r"(?:^ {4}|`)make\s+([a-z-]+)", text, flags=re.MULTILINE))
    assert named <= set(targets)
    assert set(targets) - named <= {"help", "clean", "picture", "requirements"}


def test_operations_names_every_knob_of_the_proofs() -> None:
    """Each variable of `make chaos`, `make soak` and `make fuzz` is said where one would look for it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for target, knobs in re.findall(r"^(chaos|soak|fuzz):.*\(([A-Z]+=.*)\)$", makefile, flags=re.MULTILINE):
        assert f"`make {target}` (`{knobs}`" in operations, target


def test_every_address_of_a_document_within_the_project_exists() -> None:
    """A link to a file of ours leads somewhere."""
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_decision_has_its_context_and_its_consequences() -> None:
    """A record of a decision says why, what, and what follows."""
    for record in sorted((ROOT / "docs/adr").glob("*.md")):
        text = record.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, record.name


def test_requirements_name_no_registry_and_hash_everything() -> None:
    """Dependencies are pinned by name, version and hash, and by nothing else."""
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), path.name
        for entry in re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*$", "", text).strip()):
            assert "==" in entry, entry
            assert "--hash=sha256:" in entry, entry


def test_runtime_requirements_cover_the_dependencies() -> None:
    """What pyproject.toml asks for is pinned."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8").lower()
    for dependency in asked:
        name = re.split(r"[<>=!~ \[]", dependency)[0].lower()
        assert re.search(rf"(?m)^{re.escape(name)}==", pinned), name


def test_the_image_is_pinned_and_runs_without_rights() -> None:
    """The image names its base by version, installs by hash, is compiled, and starts as a mere user."""
    bases = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "compileall" in DOCKERFILE
    assert re.search(r"(?m)^USER [1-9]\d*$", DOCKERFILE)
    assert re.search(r"(?m)^VOLUME /data$", DOCKERFILE)


@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD", "HEALTHCHECK"])
def test_the_image_starts_everything_without_a_shell(instruction: str) -> None:
    """Entry point, command and health check are lists: signals reach the program itself."""
    (line,) = re.findall(rf"(?m)^{instruction} (.*)$", DOCKERFILE)
    words = json.loads(line[line.index("[") :])
    if instruction != "ENTRYPOINT":
        assert set(words) - {"notifier"} <= {"status", "--health", "run"}
