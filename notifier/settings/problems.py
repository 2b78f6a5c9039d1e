"""Mistakes as sentences: which setting, where, what was expected, how to mend it. Never the value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import ValidationError

from notifier.settings.catalogue import ANY_NAME, Entry, find_entry, generalise, has_entry, suggest_key
from notifier.settings.layers import UNREAD, Layer, Problem, SettingPath, find_value
from notifier.settings.receiver_model import KINDS
from notifier.settings.values import NAME

_KINDS: Final = {kind: model for model in KINDS for kind in get_args(model.model_fields["kind"].annotation)}
_LIST: Final = 'expected a list (as a variable: JSON, such as ["a", "b"])'
_TABLE: Final = "expected a table of settings (as a variable: a JSON object)"
_KIND: Final = f"expected {', '.join(list(_KINDS)[:-1])} or {list(_KINDS)[-1]}"
_EXPECTED: Final = {
    "string_type": "expected text in quotes",
    "string_unicode": "expected text in UTF-8",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "tuple_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "too_short": "expected at least one entry",
    "union_tag_not_found": _KIND,
    "union_tag_invalid": _KIND,
}
_LONGEST_NAME: Final = 160


def list_problems(error: ValidationError, tree: Mapping[str, Any], *, is_whole: bool) -> Iterator[Problem]:
    """Give each mistake that the model found; with `is_whole` False, nothing is said of what is missing."""
    for detail in error.errors(include_url=False, include_input=False):
        path, keys = _strip(detail["loc"], detail["type"])
        if find_value(tree, path) is UNREAD or (detail["type"] == "missing" and not is_whole):
            continue
        if detail["type"] == "missing":
            sentence = f"is missing: {_say_how_to_set(path)}"
        elif detail["type"] == "extra_forbidden":
            sentence = _say_unknown(path, keys)
        elif detail["type"] == "value_error":
            sentence = str(detail["ctx"]["error"])
        elif detail["type"] == "literal_error":
            sentence = f"expected {detail['ctx']['expected']}".replace("'", "")
        else:
            sentence = _EXPECTED.get(detail["type"], "expected another kind of value")
        yield Problem(sentence, path)


def _strip(location: SettingPath, kind: str) -> tuple[SettingPath, Sequence[str]]:
    """Take out of a location what pydantic put in: a receiver's kind, and the mark of a key.

    Also gives the keys that fit there, where the kind decides them.
    """
    path = tuple(part for part in location if part != "[key]")
    keys: Sequence[str] = ()
    if path[:1] == ("receivers",) and len(path) > 2 and path[2] in _KINDS:  # noqa: PLR2004 - it has a third part
        keys = tuple(_KINDS[str(path[2])].model_fields)
        path = (*path[:2], *path[3:])
    elif kind.startswith("union_tag"):
        path = (*path, "kind")
    return path, keys


def _say_unknown(path: SettingPath, keys: Sequence[str]) -> str:
    meant = suggest_key(path, keys)
    return f"is no setting; did you mean {meant}?" if meant else "is no setting; remove it"


def unknown_key(key: str) -> Problem:
    """Give the problem of a top-level key that is no setting."""
    return Problem(_say_unknown((key,), ()), (key,))


def _say_how_to_set(path: SettingPath) -> str:
    concrete = [part for part in path if isinstance(part, str)]
    entry = find_entry(concrete) if len(concrete) == len(path) else None
    if entry is None or "-" in "".join(concrete):
        return "write it into its section of the file"
    return f"set {_name_variables(entry, concrete)}, or write it into [{'.'.join(concrete[:-1])}]"


def _name_variables(entry: Entry, path: Sequence[str]) -> str:
    variable = f"NOTIFIER_{'__'.join(path)}".upper()
    return f"{variable} (or {variable}_FILE)" if entry.is_secret else variable


def write_sentences(problems: Iterable[Problem], layers: Sequence[Layer]) -> tuple[str, ...]:
    """Turn problems into sentences, each once. `layers` come from the strongest to the weakest."""
    sentences = (f"{_write_subject(problem, layers)}: {problem.sentence}." for problem in problems)
    return tuple(dict.fromkeys(sentence.replace("?.", "?") for sentence in sentences))


def _write_subject(problem: Problem, layers: Sequence[Layer]) -> str:
    place, is_file = (problem.place, True) if problem.place else _locate(problem.path, layers)
    name = ""
    for position, part in enumerate(problem.path):
        if isinstance(part, int):
            name += f"#{part + 1}"
        else:
            shown = clean(part) if is_file or _is_harmless(problem.path, position) else "?"
            name += f".{shown}" if name else shown
    place = clean(place, keep=" ")
    return f"{name} ({place})" if name and place else name or place


def _locate(path: SettingPath, layers: Sequence[Layer]) -> tuple[str, bool]:
    """Find the place that decided a path, or the nearest table around it; and whether it is a file."""
    for end in range(len(path), 0, -1):
        for layer in layers:
            if find_value(layer.tree, path[:end]) is not None and (place := layer.locate(path[:end])):
                return place, layer.is_file
    return "", False


def _is_harmless(path: SettingPath, position: int) -> bool:
    """Whether a part of a path is a setting's own name, or one that an operator may choose."""
    pattern = generalise(path[: position + 1])
    return has_entry(pattern) and (pattern[-1] != ANY_NAME or bool(NAME.fullmatch(str(path[position]))))


def clean(name: str, *, keep: str = "") -> str:
    """Make a name that somebody else chose fit to be printed: plain characters, and not many."""
    plain = "".join(mark if mark.isalnum() or mark in f"_.-/,{keep}" else "?" for mark in name)
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}..."
