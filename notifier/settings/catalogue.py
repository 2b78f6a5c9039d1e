"""The list of all settings, drawn from the model: what exists, under which name, and what is a secret."""

import difflib
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from notifier.settings.model import ENV_DELIMITER, ENV_PREFIX, Settings
from notifier.settings.values import NAME

ANY_NAME: Final = "*"
"""Stands in a path where the operator chooses the name: `receivers.*.kind`."""

ITEM: Final = "[]"
"""Stands in a path for every entry of a list of tables: `routes.[].events`."""

PathPattern = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting, or one table of them. `is_table` entries may be given as JSON by environment."""

    path: PathPattern
    is_table: bool
    is_secret: bool
    default: object = None

    @property
    def variable(self) -> str:
        """Its variable's name, with `*` where the operator chooses."""
        return ENV_PREFIX + ENV_DELIMITER.join(self.path).upper()


def _members(annotation: Any) -> tuple[Any, ...]:
    """Take Annotated and unions apart: the types that a value may have."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(member for arg in get_args(annotation) for member in _members(arg))
    return (annotation,)


def _draw(path: PathPattern, annotation: Any, default: object = None) -> Iterator[Entry]:
    members = _members(annotation)
    models = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
    if models:
        yield Entry(path, is_table=True, is_secret=False)
        for model in models:
            yield from _draw_model(path, model)
        return
    inner = [_members(get_args(member)[0]) for member in members if get_origin(member) is tuple]
    if get_origin(members[0]) is dict:
        yield Entry(path, is_table=True, is_secret=False)
        yield from _draw((*path, ANY_NAME), get_args(members[0])[1])
        return
    yield Entry(path, is_table=False, is_secret=SecretStr in members, default=default)
    for item in inner:
        # A list of tables in a table of the same list ([[routes.routes]]) holds nothing new.
        is_nested = path[-2:] == (ITEM, *path[:1])
        if isinstance(item[0], type) and issubclass(item[0], BaseModel) and not is_nested:
            yield from _draw_model((*path, ITEM), item[0])


def _draw_model(path: PathPattern, model: type[BaseModel]) -> Iterator[Entry]:
    for name, field in model.model_fields.items():
        yield from _draw((*path, field.alias or name), field.annotation, _default(field))


def _default(field: FieldInfo) -> object:
    return None if field.is_required() else field.get_default(call_default_factory=True)


@cache
def list_entries() -> tuple[Entry, ...]:
    """Every table and setting, in the order of the model, each path once."""
    entries: dict[PathPattern, Entry] = {}
    for entry in _draw_model((), Settings):
        entries.setdefault(entry.path, entry)
    return tuple(entries.values())


@cache
def _entries_by_path() -> dict[PathPattern, Entry]:
    return {entry.path: entry for entry in list_entries()}


def has_entry(pattern: PathPattern) -> bool:
    """Whether there is an entry with exactly this path, `*` and `[]` included."""
    return pattern in _entries_by_path()


def find_entry(path: Sequence[str]) -> Entry | None:
    """Find the entry that a path names, with a name of the operator's choice where `*` stands."""
    return next((entry for entry in list_entries() if _is_match(entry.path, path)), None)


def path_of(variable: str) -> tuple[str, ...]:
    """Take a variable's name apart into the path that it would set."""
    return tuple(variable.removeprefix(ENV_PREFIX).lower().split(ENV_DELIMITER))


def find_variable(name: str) -> Entry | None:
    """Find what a variable sets; None when it is no setting."""
    entry = find_entry(path_of(name))
    return None if entry is None or ITEM in entry.path else entry


def _is_match(pattern: PathPattern, path: Sequence[str]) -> bool:
    return len(pattern) == len(path) and all(
        NAME.fullmatch(part) if wanted == ANY_NAME else wanted == part
        for wanted, part in zip(pattern, path, strict=True)
    )


def generalise(path: Sequence[str | int]) -> PathPattern:
    """Put `*` and `[]` where a path has a name of the operator's choice or a place in a list.

    A list of tables in a table of the same list ([[routes.routes]]) counts as the outer one.
    """
    pattern: list[str] = []
    for part in path:
        if isinstance(part, int):
            pattern.append(ITEM)
        elif (*pattern, part) not in _entries_by_path() and (*pattern, ANY_NAME) in _entries_by_path():
            pattern.append(ANY_NAME)
        else:
            pattern.append(part)
        if pattern[:2] == pattern[2:]:
            del pattern[2:]
    return tuple(pattern)


def suggest_key(path: Sequence[str | int], keys: Iterable[str] | None = None) -> str:
    """Say which setting somebody may have meant, "" when none is near. `keys` are those that fit there."""
    *parent, last = generalise(path)
    depth = len(parent)
    siblings = keys or [
        entry.path[depth]
        for entry in list_entries()
        if len(entry.path) == depth + 1 and entry.path[:depth] == tuple(parent)
    ]
    if near := difflib.get_close_matches(last[:80], list(siblings), n=1, cutoff=0.6):
        return near[0]
    elsewhere = [entry.path for entry in list_entries() if entry.path[-1] == last]
    return ".".join(elsewhere[0]).replace(ANY_NAME, "<name>") if elsewhere else ""


def suggest_variable(name: str, others: Sequence[str]) -> str:
    """Say which variable somebody may have meant, "" when none is near; `others` stand outside the model."""
    parts = path_of(name)
    candidates = [other.removeprefix(ENV_PREFIX) for other in others]
    for entry in list_entries():
        if ITEM in entry.path or entry.is_table:
            continue
        filled = list(entry.path)
        if ANY_NAME in filled and len(parts) > 1 and NAME.fullmatch(parts[1]):
            filled[filled.index(ANY_NAME)] = parts[1]
        variable = ENV_DELIMITER.join(filled).upper()
        candidates += [variable, f"{variable}_FILE"] if entry.is_secret else [variable]
    wanted = name.removeprefix(ENV_PREFIX)[:200]
    near = difflib.get_close_matches(wanted, candidates, n=1, cutoff=0.7)
    return (ENV_PREFIX + near[0]).replace(ANY_NAME, "<NAME>") if near else ""
