"""config/notifier.example.toml shows every setting, with its default, and works."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from notifier.settings.catalogue import Entry, generalise, list_entries
from tests.unit.settings.conftest import Load

EXAMPLE = Path(__file__).parents[3] / "config/notifier.example.toml"


def uncomment(*, without: str = "") -> str:
    """Give the example with every setting switched on, but those whose line matches `without`."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    settings = (line.removeprefix("#") for line in lines if re.match(r"#[a-z\[]", line))
    return "\n".join(line for line in settings if not (without and re.match(without, line)))


def list_shown(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Give every setting in a tree, by the path that the catalogue has for it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from list_shown(inner, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, table in enumerate(value):
            yield from list_shown(table, (*path, number))
    else:
        yield generalise(path), value


def is_shown_elsewhere(entry: Entry) -> bool:
    """Sources have the keys of [dintero], and tables are shown by what is in them."""
    is_list_of_tables = entry.path[-1] in {"routes", "escalations"}
    return entry.is_table or entry.path[0] == "sources" or is_list_of_tables


def test_the_example_is_all_comments() -> None:
    """As it comes, the example sets nothing."""
    assert tomllib.loads(EXAMPLE.read_text(encoding="utf-8")) == {}


def test_the_example_shows_exactly_the_settings() -> None:
    """Every setting stands in the example, and everything in it is a setting."""
    shown = {path for path, _ in list_shown(tomllib.loads(uncomment()))}
    assert shown == {entry.path for entry in list_entries() if not is_shown_elsewhere(entry)}


def test_the_example_shows_the_defaults() -> None:
    """Where a setting has a default, the example shows it."""
    # The outer of two nested routes comes first, and shows the defaults.
    shown = dict(reversed(list(list_shown(tomllib.loads(uncomment())))))
    for entry in list_entries():
        if not is_shown_elsewhere(entry) and entry.default is not None:
            default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
            bare = default.get_secret_value() if isinstance(default, SecretStr) else default
            assert shown[entry.path] == bare, entry.path


def test_every_setting_has_a_comment_before_it() -> None:
    """No setting stands in the example without a word on it above, or above those right before it."""
    blocks = EXAMPLE.read_text(encoding="utf-8").split("\n\n")
    for block in blocks:
        keys = [line for line in block.splitlines() if re.match(r"#[a-z]\w*(\.\w+)* = ", line)]
        if keys and "[receivers.oncall]" not in block:
            assert block.lstrip("\n").startswith("# "), block


def test_the_example_loads_with_receivers(load: Load) -> None:
    """Uncommented, but for the short form, the example is a working file."""
    head, tail = uncomment().split("[receivers.sales]")
    head = re.sub(r"(?m)^(channel|mention|webhook_url|when_unsure|emergency) .*$", "", head)
    settings = load({}, toml=f"{head}[receivers.sales]{tail}")
    assert set(settings.receivers) == {"sales", "oncall", "duty", "crm", "mail"}


def test_the_example_loads_with_the_short_form(load: Load) -> None:
    """Uncommented, but for receivers and the webhook, the example is a working file as well."""
    toml = uncomment(without="webhook_url ")
    toml = toml[: toml.index("[receivers.sales]")] + toml[toml.index("[[routes]]") :]
    assert load({}, toml=toml).slack.channel == "#sales"


def test_the_example_explains_each_way_around_the_file() -> None:
    """The variables that are no settings are explained as well."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for word in ("NOTIFIER_CONFIG", "NOTIFIER_SECRETS_DIR", "_FILE", ".env", "--config", "[sources.<name>]"):
        assert word in text
