"""Whatever stands in the environment and the files: settings or ConfigError, and never a secret in either."""

import contextlib
import json
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.errors import ConfigError
from notifier.settings import load_settings
from notifier.settings.catalogue import ITEM, list_entries
from tests.unit.settings.conftest import DINTERO, WEBHOOK, Load

CANARY = "xoxb-CANARY-7f3a"

VARIABLES = [entry.variable.replace("*", "SALES") for entry in list_entries() if ITEM not in entry.path]
KEYS = sorted({part for entry in list_entries() for part in entry.path} - {ITEM})


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Make one working directory for all examples."""
    with tempfile.TemporaryDirectory() as path:
        (Path(path) / "config").mkdir()
        yield Path(path)


def check_problems(problems: tuple[str, ...]) -> None:
    """Check that there are problems, and that each is one line that a terminal can show."""
    assert problems
    assert all(problem.isprintable() and len(problem) < 1000 for problem in problems)


def try_to_load(directory: Path, environ: dict[str, str]) -> str:
    """Load, and give everything that anybody could see of it."""
    try:
        loaded = load_settings(
            config_path=None, environ={"NOTIFIER_SECRETS_DIR": ".", **environ}, cwd=directory
        )
    except ConfigError as error:
        check_problems(error.problems)
        return "".join(traceback.format_exception(error)) + repr(error)
    return f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["slack", "slack_webhook", "#sales", "P12345678", "vipps", "https://a.b/c", "sales"])
)
keys = st.sampled_from(KEYS) | st.text(max_size=6)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
texts = st.text(alphabet=st.characters(), max_size=12) | trees.map(json.dumps)
names = (
    st.sampled_from(VARIABLES)
    | st.text(max_size=8).map(lambda text: f"NOTIFIER_{text}")
    | st.sampled_from([f"{name}_FILE" for name in VARIABLES])
)


@settings(max_examples=15, deadline=None)
@given(environ=st.dictionaries(names, texts, max_size=8))
def test_any_environment(directory: Path, environ: dict[str, str]) -> None:
    """Any environment gives settings or ConfigError."""
    with contextlib.suppress(FileNotFoundError):
        (directory / "config/notifier.toml").unlink()
    try_to_load(directory, environ)


def write_toml(value: object) -> str:
    """Write a value of a tree as TOML (an inline table, a list, or a scalar)."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(key)} = {write_toml(inner)}" for key, inner in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(write_toml(inner) for inner in value) + "]"
    return json.dumps(value).replace("null", '""').replace("NaN", "nan").replace("Infinity", "inf")


@settings(max_examples=15, deadline=None)
@given(tree=st.dictionaries(keys, trees, max_size=5))
def test_any_tree_in_the_file(directory: Path, tree: dict[str, object]) -> None:
    """Any values in the TOML file give settings or ConfigError."""
    lines = [f"{json.dumps(key)} = {write_toml(value)}" for key, value in tree.items()]
    (directory / "config/notifier.toml").write_text("\n".join(lines), encoding="utf-8")
    try_to_load(directory, {})


@settings(max_examples=15, deadline=None)
@given(content=st.binary(max_size=40) | st.text("[]{}=\"'.,#\n ax0-_:\\", max_size=40).map(str.encode))
def test_any_bytes_in_the_files(directory: Path, content: bytes) -> None:
    """Any bytes as TOML file, as .env and as a file with a secret give settings or ConfigError."""
    for name in ("config/notifier.toml", ".env", "NOTIFIER_SLACK__BOT_TOKEN"):
        (directory / name).write_bytes(content)
    try_to_load(directory, {})
    for name in (".env", "NOTIFIER_SLACK__BOT_TOKEN"):
        (directory / name).unlink()


@pytest.mark.parametrize(
    "text", ["\udc80", "\x00", "\u202e", "[" * 100_000, "9" * 5000, "1e999", '{"a":' * 2000]
)
def test_texts_that_break_parsers(directory: Path, text: str) -> None:
    """Lone surrogates, NUL, numbers and nesting beyond any bound give ConfigError like any other mistake."""
    names = [entry.variable for entry in list_entries() if not entry.is_table and len(entry.path) == 2]
    environ = dict.fromkeys([*names, "NOTIFIER_ROUTES", "NOTIFIER_RECEIVERS__SALES__URL_FILE"], text)
    try_to_load(directory, {**environ, f"NOTIFIER_{text[:300]}": "x"})
    for name in ("NOTIFIER_SOURCES", "NOTIFIER_POLL", "NOTIFIER_RECEIVERS__SALES", "NOTIFIER_CONFIG"):
        try_to_load(directory, {**DINTERO, **WEBHOOK, name: text})


FORMS = ["% ", '["%"]', '{"%": 1}', '{"%": {"%": 1}}', '[{"%": 1}]', "postgresql://u:%@h/d"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_no_value_in_any_output(directory: Path, form: str, depth: int) -> None:
    """A secret shows nowhere, whichever setting it was put into by mistake, and neither do its neighbours."""
    names = [name for name in VARIABLES if name.count("__") == depth - 1]
    secret = {"NOTIFIER_DINTERO__CLIENT_SECRET": f"{CANARY}1", "NOTIFIER_SLACK__BOT_TOKEN": f"{CANARY}2"}
    environ = {**DINTERO, **secret, "NOTIFIER_XYZ": CANARY, **dict.fromkeys(names, form.replace("%", CANARY))}
    assert "CANARY" not in try_to_load(directory, environ)


def test_no_secret_in_settings(load: Load) -> None:
    """Settings that work show no secret in repr, str and dumps."""
    environ = {
        **DINTERO,
        "NOTIFIER_DINTERO__CLIENT_SECRET": CANARY,
        "NOTIFIER_SLACK__BOT_TOKEN": CANARY,
        "NOTIFIER_RECEIVERS__SALES__KIND": "slack",
        "NOTIFIER_RECEIVERS__SALES__CHANNEL": "#sales",
        "NOTIFIER_RECEIVERS__SALES__BOT_TOKEN": CANARY,
        "NOTIFIER_RECEIVERS__OPS__KIND": "slack_webhook",
        "NOTIFIER_RECEIVERS__OPS__URL": f"https://hooks.slack.com/services/{CANARY}",
    }
    loaded = load(environ)
    assert "CANARY" not in f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"
