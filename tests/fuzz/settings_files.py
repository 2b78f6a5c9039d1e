"""Targets: whatever stands in the environment, the configuration file, `.env` and files with secrets."""

import json
import os
import tempfile
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from notifier import app, routing
from notifier.errors import ConfigError
from notifier.settings import list_secrets, load_settings, resolve_receivers, resolve_sources
from tests.fuzz.dintero_answers import VALUE
from tests.fuzz.exploring import Target
from tests.fuzz.mutation import Batch, batch, damage, repeatable
from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK
from tests.unit.settings.test_any_input import CANARY, KEYS, check_problems, names, texts, trees, write_toml

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = (ROOT / "config" / "notifier.example.toml").read_bytes()
LIVE: Final = b"\n".join(
    line[2:] if line.startswith(b"# ") and b" = " in line else line for line in EXAMPLE.splitlines()
)
"""The example with what it only shows set."""

SECRETS: Final = {
    "NOTIFIER_DINTERO__CLIENT_SECRET": f"{CANARY}1",
    "NOTIFIER_SLACK__BOT_TOKEN": f"{CANARY}2",
}
ENVIRONMENTS: Final[tuple[dict[str, str], ...]] = (
    {},
    {**DINTERO, **WEBHOOK},
    {**DINTERO, **BOT},
    {**DINTERO, **BOT, **SECRETS},
)
FILES: Final = ("config/notifier.toml", ".env", "NOTIFIER_SLACK__BOT_TOKEN", "NOTIFIER_DINTERO__CLIENT_ID")

written = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), trees, max_size=5).map(
    lambda tree: "\n".join(f"{json.dumps(key)} = {write_toml(value)}" for key, value in tree.items())
    .encode("utf-8", "surrogatepass")
)  # fmt: skip
tomls = st.sampled_from([EXAMPLE, LIVE]) | written
environs = st.dictionaries(names, texts, max_size=6)


@cache
def _folder() -> Path:
    """Return this process's working folder; it goes when the process ends."""
    holder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
    _HELD.append(holder)
    folder = Path(holder.name)
    (folder / "config").mkdir()
    return folder


_HELD: Final[list[tempfile.TemporaryDirectory[str]]] = []


def _load(environ: dict[str, str], files: dict[str, bytes]) -> str:
    """Load, and use what was loaded as the program does; no secret may show."""
    folder = _folder()
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    given = {"NOTIFIER_SECRETS_DIR": ".", **environ}
    try:
        loaded = load_settings(config_path=None, environ=given, cwd=folder)
    except ConfigError as error:
        check_problems(error.problems)
        shown = "".join(traceback.format_exception(error))
        assert "CANARY" not in shown
        return "ConfigError"
    assert "CANARY" not in f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"
    sources, receivers = resolve_sources(loaded), resolve_receivers(loaded)
    assert sources
    assert receivers.by_name
    assert "CANARY" not in f"{sources!r} {receivers!r}"
    assert list_secrets(loaded)
    app.list_targets(loaded)
    routing.list_routes(loaded)
    routing.list_intervals(loaded)
    routing.list_schedules(loaded)
    return VALUE


def take_toml(content: bytes) -> str:
    """Load a configuration file beside each environment in turn."""
    environ = ENVIRONMENTS[len(content) % len(ENVIRONMENTS)]
    return _load(dict(environ), {"config/notifier.toml": content})


def take_environment(environ: dict[str, str]) -> str:
    """Load an environment, as it is and beside one that works."""
    return _load(environ, {})


def unfold_environment(example: tuple[dict[str, str], list[int]]) -> Iterator[dict[str, str]]:
    """Give an environment, and working ones of which a seed has changed one value."""
    environ, seeds = example
    yield environ
    for number in seeds:
        chance = repeatable(number)
        changed = {**ENVIRONMENTS[chance.randrange(len(ENVIRONMENTS))], **dict(list(environ.items())[:1])}
        name = chance.choice(sorted(changed)) if changed else "NOTIFIER_DINTERO"
        changed[name] = os.fsdecode(
            damage(os.fsencode(changed.get(name, "x").encode("utf-8", "replace")), chance)
        )
        yield {one: text for one, text in changed.items() if "CANARY" not in one}


def take_other_file(given: tuple[str, bytes]) -> str:
    """Load with any bytes in `.env` or in a file with a secret."""
    name, content = given
    return _load({**DINTERO, **WEBHOOK}, {name: content})


def unfold_other_files(example: tuple[str, Batch]) -> Iterator[tuple[str, bytes]]:
    """Give each content of a batch with the file's name."""
    name, contents = example
    for content in contents.unfold():
        yield name, content


DOTENV: Final = b'NOTIFIER_SLACK__MENTION=@here # who\nexport NOTIFIER_LOG__LEVEL="info"\nOTHER=${HOME}\n'

TARGETS: Final = (
    Target("settings toml", 8, batch(tomls, (EXAMPLE, LIVE)), take_toml),
    Target(
        "settings environment",
        5,
        st.tuples(environs, st.lists(st.integers(0, 2**32 - 1), max_size=8)),
        take_environment,
        unfold_environment,
    ),
    Target(
        "settings other files",
        3,
        st.tuples(
            st.sampled_from(FILES[1:]),
            batch(st.sampled_from([DOTENV, b"xoxb-1-2-3\n"]) | st.binary(max_size=30)),
        ),
        take_other_file,
        unfold_other_files,
    ),
)
