"""What is written about the product is true, and names everything."""

import argparse
import json
import re
import tomllib
from pathlib import Path

import pytest

from notifier import cli
from notifier.settings.catalogue import find_entry, find_variable, list_entries

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WRITTEN = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "config").rglob("*.toml")),
    *sorted((ROOT / "config").rglob("*.yaml")),
)
"""What speaks of the product as it is; the changelog also speaks of what is gone."""
NAME = re.compile(r"`([\w.-]+(?:/[\w.-]+)*)/?(?:::\w+)?`")
MODULE = re.compile(r"`(notifier(?:\.[a-z_]\w*)+)`")
OUR_FOLDERS = {"benchmarks", "config", "docs", "notifier", "requirements", "tests"}
OUR_SUFFIXES = {".json", ".md", ".png", ".py", ".svg", ".toml", ".txt", ".yaml"}
MADE_LATER = {"build/soak.svg", "config/notifier.toml", "figures.json", "notifier.db"}
"""What readers write themselves, and what commands do."""
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _list_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: command
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
    }


def test_the_readme_names_every_command_in_the_order_of_the_help() -> None:
    """A command that the README does not name does not exist for users, nor does an action of one."""
    named = re.findall(r"^\| `notifier ([a-z-]+)(?: ([a-z|\\]+)`)?", README, flags=re.MULTILINE)
    commands = _list_commands(cli._make_parser())
    assert list(dict.fromkeys(name for name, _ in named)) == list(commands)
    for name, actions in named:
        assert [one for one in actions.split("\\|") if one] == list(_list_commands(commands[name])), name


def test_every_command_says_what_it_does() -> None:
    """Asked for its help, a command or an action says more than which options it has."""
    commands = _list_commands(cli._make_parser())
    actions = [one for command in commands.values() for one in _list_commands(command).values()]
    assert len(actions) >= 8
    for command in (*commands.values(), *actions):
        assert re.fullmatch(r"[A-Z].{10,}\.", command.description or ""), command.prog


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


def test_every_file_that_a_document_names_exists() -> None:
    """Whoever goes to look where a document points finds something there."""
    named = 0
    for document in WRITTEN:
        # Beside the document, from the root, or in the README's table, which does not repeat the package.
        places = (document.parent, ROOT, ROOT / "notifier")
        for name in set(NAME.findall(document.read_text(encoding="utf-8"))) - MADE_LATER:
            if name.partition("/")[0] in OUR_FOLDERS - {name} or Path(name).suffix in OUR_SUFFIXES:
                named += 1
                assert any((place / name).exists() for place in places), f"{document.name}: {name}"
    assert named > 60


def test_every_module_that_is_named_exists() -> None:
    """Code and documents speak of modules that are there, by the names that they have now."""
    named = 0
    for file in (*WRITTEN, *(ROOT / "notifier").rglob("*.py")):
        for module in set(MODULE.findall(file.read_text(encoding="utf-8"))) - MADE_LATER:
            named += 1
            path = ROOT.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").exists(), f"{file.name}: {module}"
    assert named > 10


def test_every_setting_that_a_document_names_exists() -> None:
    """A setting that was renamed or removed is not advised any more, by its key or by its variable."""
    sections = {entry.path[0] for entry in list_entries() if entry.is_table}
    named = 0
    for document in WRITTEN:
        text = document.read_text(encoding="utf-8")
        for name in NAME.findall(text):
            path = name.split(".")
            if len(path) > 1 and path[0] in sections and f".{path[-1]}" not in OUR_SUFFIXES:
                named += 1
                assert find_entry(path), f"{document.name}: {name}"
        for variable in re.findall(r"\bNOTIFIER_[A-Z]+__[A-Z_]+\b", text):
            named += 1
            assert find_variable(variable.removesuffix("_FILE")), f"{document.name}: {variable}"
    assert named > 50


def test_the_readme_tells_where_everything_is() -> None:
    """No file or folder of the package is left out of the table that says what is in it."""
    table = README[README.index("| folder | what is in it |") : README.index("Imports point down only")]
    named = {name.removeprefix("notifier/") for name in NAME.findall(table)}
    found = {one.name for one in (ROOT / "notifier").iterdir() if re.fullmatch(r"[a-z]\w*(\.py)?", one.name)}
    assert found <= named


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
