"""Where values come from: the environment, `.env`, files with secrets, and the TOML file.

Each becomes a `Layer`: a tree of values as the model wants it, and for every value the place that it came
from, so that a problem can be said about the place and not about the value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from notifier.settings.catalogue import find_entry, find_variable, path_of, suggest_variable
from notifier.settings.model import ENV_DELIMITER, ENV_PREFIX, Settings

SettingPath = tuple[str | int, ...]

CONFIG_VARIABLE: Final = "NOTIFIER_CONFIG"
SECRETS_DIR_VARIABLE: Final = "NOTIFIER_SECRETS_DIR"
FILE_SUFFIX: Final = "_FILE"
# Kubernetes gives these to every container beside a service named "notifier".
KUBERNETES_PREFIXES: Final = ("NOTIFIER_SERVICE_", "NOTIFIER_PORT")


class Unread:
    """Stands where a value is given but could not be read: that has been reported, so nothing else is."""


UNREAD: Final = Unread()


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `path` is the setting it is about; `place` says where, when the setting does not."""

    sentence: str
    path: SettingPath = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place. `locate` gives the place of a path, "" where it does not know it.

    `is_file` is True where keys are written by hand, so that an unknown one may be shown; in a variable it is
    part of the value. `is_broken` says that nothing could be read, so that a missing value means nothing.
    `secrets_in` is the file in which secrets stand as they are, None when there is none.
    """

    tree: dict[str, Any] = field(default_factory=dict)
    locate: Callable[[SettingPath], str] = lambda _path: ""
    problems: tuple[Problem, ...] = ()
    is_file: bool = False
    is_broken: bool = False
    secrets_in: Path | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it was found; `fault` says why its text could not be read, "" when it could."""

    name: str
    text: str
    place: str
    fault: str = ""


class UnreadableFile(Exception):
    """A file cannot be used; the text says why, without its path."""


class VariableSource(EnvSettingsSource):
    """Turns variables into a tree, as pydantic-settings does, but from a mapping and without giving up early.

    A list that is no JSON stays text, so that the model refuses it together with everything else.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(Settings, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return dict(self._variables)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Decode JSON; leave what is none as it is."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


def holds_secret(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> bool:
    """Whether a secret stands in a tree."""
    return any(
        holds_secret(value, (*path, key)) if isinstance(value, dict) else is_secret_in((*path, key), value)
        for key, value in tree.items()
    )


def is_secret_in(path: tuple[str, ...], value: object) -> bool:
    """Whether a value of a secret is one indeed: the address of a file holds no password."""
    return is_secret(path) and not (isinstance(value, str) and value.startswith("sqlite:"))


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether a path is that of a secret."""
    entry = find_entry(path)
    return entry is not None and entry.is_secret


def is_ignored(name: str) -> bool:
    """Whether a variable with our prefix is none of ours to judge."""
    return name in {CONFIG_VARIABLE, SECRETS_DIR_VARIABLE} or name.startswith(KUBERNETES_PREFIXES)


def build_layer(variables: Iterable[Variable], read_file: Callable[[str], str]) -> Layer:
    """Make a layer of variables; `read_file` reads what a `…_FILE` one names, or raises UnreadableFile."""
    texts: dict[str, str] = {}
    places: dict[SettingPath, str] = {}
    unread: list[tuple[str, ...]] = []
    problems: list[Problem] = []
    for variable in variables:
        name = variable.name.upper()
        if not name.startswith(ENV_PREFIX) or is_ignored(name) or not (variable.text or variable.fault):
            continue
        path, is_file = _identify(name)
        if not path:
            problems.append(_unknown(variable, name))
        elif path in places:
            problems.append(Problem(f"sets what {places[path]} sets too; keep one", place=variable.place))
        else:
            places[path] = variable.place
            text, fault = _read(variable, read_file) if is_file else (variable.text, variable.fault)
            if fault:
                problems.append(Problem(fault, path, variable.place))
                unread.append(path)
            else:
                texts[(ENV_PREFIX + ENV_DELIMITER.join(path)).lower()] = text
    tree = VariableSource(texts)() if texts else {}
    for path in unread:
        plant(tree, path, UNREAD)
    return Layer(tree, lambda path: _longest(places, path), tuple(problems))


def _read(variable: Variable, read_file: Callable[[str], str]) -> tuple[str, str]:
    """Read the file that a variable names: its text, or why there is none."""
    if variable.fault:
        return "", variable.fault
    try:
        return read_file(variable.text), ""
    except UnreadableFile as error:
        return "", f"names a file that {error}"


def _identify(name: str) -> tuple[tuple[str, ...], bool]:
    """Find the path of a variable, () when it is no setting, and whether it names a file with the value."""
    if find_variable(name):
        return path_of(name), False
    bare = name.removesuffix(FILE_SUFFIX)
    entry = find_variable(bare) if bare != name else None
    if entry and entry.is_secret:
        return path_of(bare), True
    return (), False


def _unknown(variable: Variable, name: str) -> Problem:
    meant = suggest_variable(name, (CONFIG_VARIABLE, SECRETS_DIR_VARIABLE))
    hint = f"did you mean {meant}?" if meant else "remove it"
    return Problem(f"is no setting; {hint}", place=variable.place)


def _longest(places: Mapping[SettingPath, str], path: SettingPath) -> str:
    """Find the place of the path, or of the nearest table above it that a variable gave as JSON."""
    return next((places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), "")


def plant(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Put a value at a path, unless something that is no table stands in the way."""
    *parents, last = path
    for part in parents:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(last, value)


def overlay(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one tree over another: tables are merged, anything else is replaced."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def find_value(tree: object, path: SettingPath) -> object:
    """Give what a tree has at a path, None when it has nothing there."""
    for part in path:
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            return None
    return tree
