"""The TOML file: its values, and the line on which each of them stands."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from notifier.settings.layers import Layer, Problem, SettingPath

_POSITION: Final = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")
# What tomllib says, in words that tell how to mend it. Anything else it says might quote the file.
_ADVICE: Final = {
    "Invalid value (at end": "a list, a table or a value is not complete",
    "Invalid value": "a value must be a number, true, false, a list, or text in quotes",
    "Cannot overwrite a value": "the same key stands there a second time",
    "Cannot declare": "the same table stands there a second time",
    "Expected '=' after a key": "a line must be a [table], or a key, = and a value",
    "Invalid statement": "a line must be a [table], or a key, = and a value",
    "Expected newline or end of document": "nothing may follow a value on its line",
    "Unclosed array": "a list is not closed by ]",
    "Unclosed inline table": "an inline table is not closed by }",
    "Unterminated string": "a text is not closed by its quote",
    "Found invalid character": "a character stands there that TOML does not allow",
    "Unescaped": "a backslash in a text must be doubled, or the text put in single quotes",
}
# Lines are looked for only after a mistake, and no longer than a person would wait. A list of many lines is
# read again for each of them.
_MOST_CHARACTERS = 250_000


def parse_toml(content: bytes, name: str) -> Layer:
    """Make a layer of a TOML file's content; `name` is what the file is called in problems."""
    problem = ""
    text, tree = "", {}
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = _describe(str(error), text)
    except UnicodeDecodeError:
        problem = "is no UTF-8 text"
    except (RecursionError, ValueError):
        problem = "holds a value that is too deep or too long"
    if problem:
        return Layer(problems=(Problem(problem, place=name),), is_broken=True)
    return Layer(tree, LineFinder(text, name).locate, is_file=True)


def _describe(message: str, text: str) -> str:
    advice = next((advice for start, advice in _ADVICE.items() if message.startswith(start)), "")
    position = _POSITION.search(message)
    line, column = (position[1], position[2]) if position and position[1] else _end_of(text)
    reason = f": {advice}" if advice else ""
    return f"is no TOML at line {line}, column {column}{reason}"


def _end_of(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    return str(len(lines)), str(len(lines[-1]) + 1)


class LineFinder:
    """Finds the line of a key, by letting tomllib read the file statement by statement."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._lines: dict[SettingPath, int] | None = None

    def locate(self, path: SettingPath) -> str:
        """Say where a path stands: its line, or that of the table or list around it."""
        if self._lines is None:
            self._lines = dict(_list_lines(self._text))
        for end in range(len(path), 0, -1):
            if line := self._lines.get(path[:end]):
                return f"{self._name}, line {line}"
        return self._name


def _list_lines(text: str) -> Iterator[tuple[SettingPath, int]]:
    """Give every path with the line on which it is first written."""
    table: SettingPath = ()
    counts: dict[SettingPath, int] = {}
    known: set[SettingPath] = set()
    for line, statement, content in _split_statements(text):
        if statement.startswith("["):
            table = _enter_table(content, counts, is_list=statement.startswith("[["))
            found: list[SettingPath] = [table[:end] for end in range(1, len(table) + 1)]
        else:
            found = [table + path for path in _walk(content)]
        for path in found:
            if path not in known:
                known.add(path)
                yield path, line


def _split_statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Give each statement of a valid document with its first line and what it alone says."""
    pending: list[str] = []
    first = 1
    left = _MOST_CHARACTERS
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending:
            first = number
            if not line.strip() or line.lstrip().startswith("#"):
                continue
        pending.append(line)
        statement = "\n".join(pending)
        left -= len(statement)
        if left < 0:
            return
        try:
            content = tomllib.loads(statement)
        except (ValueError, RecursionError):
            continue
        pending = []
        yield first, statement.lstrip(), content


def _enter_table(content: dict[str, Any], counts: dict[SettingPath, int], *, is_list: bool) -> SettingPath:
    """Give the path of a header, with the number of the entry in every list of tables on the way."""
    keys: list[str] = []
    inner: Any = content
    while isinstance(inner, dict) and inner:
        key, inner = next(iter(inner.items()))
        keys.append(key)
    path: SettingPath = ()
    for position, key in enumerate(keys, start=1):
        path = (*path, key)
        if is_list and position == len(keys):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _walk(value: object, path: SettingPath = ()) -> Iterator[SettingPath]:
    """Give every path below a value, itself included."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index))
