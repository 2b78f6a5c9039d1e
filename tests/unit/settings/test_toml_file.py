"""Mistakes in the TOML file are told with their line, and what is no TOML with its line and column."""

import pytest

from notifier.settings import toml_file
from notifier.settings.files import MAX_CONFIG_BYTES
from notifier.settings.layers import SettingPath
from notifier.settings.toml_file import parse_toml
from tests.unit.settings.conftest import DINTERO, WEBHOOK, Load, Problems

VALUE = "a value must be a number, true, false, a list, or text in quotes"
LINE = "a line must be a [table], or a key, = and a value"

DOCUMENT = '''\
# a comment
top = 1

[slack]   # with a comment
mention = """
[poll]
attempts = 3
"""
channel = "#a"
[receivers]
sales = { kind = "slack", channel = "#sales" }
"odd key" = 1
ops.kind = "slack"

[[routes]]
receivers = [
  "sales",  # [x]
  "ops",
]
[[routes]]
events = ["a"]
  [routes.inner]
  x = 1
[dintero.below]
y = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("slack",), 4),
        (("slack", "mention"), 5),
        (("slack", "channel"), 9),
        (("receivers",), 10),
        (("receivers", "sales", "channel"), 11),
        (("receivers", "odd key"), 12),
        (("receivers", "ops", "kind"), 13),
        (("receivers", "ops", "url"), 13),
        (("routes", 0), 15),
        (("routes", 0, "receivers", 1), 16),
        (("routes", 1), 20),
        (("routes", 1, "events", 0), 21),
        (("routes", 1, "inner", "x"), 23),
        (("dintero",), 24),
        (("dintero", "below", "y"), 25),
    ],
)
def test_every_path_has_its_line(path: SettingPath, line: int) -> None:
    """The line of a key is that of its statement; a key that is not there has the line of its table."""
    assert parse_toml(DOCUMENT.encode(), "x.toml").locate(path) == f"x.toml, line {line}"


def test_windows_files_have_the_same_lines() -> None:
    """A byte order mark and CRLF change nothing."""
    content = b"\xef\xbb\xbf" + DOCUMENT.replace("\n", "\r\n").encode()
    assert parse_toml(content, "x.toml").locate(("dintero", "below", "y")) == "x.toml, line 25"


def test_a_file_too_long_to_search_has_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for a line is bounded: then the file alone is named."""
    monkeypatch.setattr(toml_file, "_MOST_CHARACTERS", 100)
    content = "x = [\n" + "1,\n" * 20 + "]\ny = 1\n"
    assert parse_toml(content.encode(), "x.toml").locate(("y",)) == "x.toml"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (
            b"[log]\nlevel = loud\n",
            f"is no TOML at line 2, column 9: {VALUE}",
        ),
        (b'x = "a', "is no TOML at line 1, column 7: a text is not closed by its quote"),
        (b"x = [1,\n", "is no TOML at line 2, column 1: a list, a table or a value is not complete"),
        (b"x = 1\nx = 2\n", "is no TOML at line 2, column 6: the same key stands there a second time"),
        (b"[x]\n[x]\n", "is no TOML at line 2, column 3: the same table stands there a second time"),
        (b"canary\n", f"is no TOML at line 1, column 7: {LINE}"),
        (b"x = 1 canary\n", "is no TOML at line 1, column 7: nothing may follow a value on its line"),
        (
            b"x = 1\ny = '\x1b'\n",
            "is no TOML at line 2, column 6: a character stands there that TOML does not allow",
        ),
        (
            b'x = "\\canary"\n',
            (
                "is no TOML at line 1, column 8: "
                "a backslash in a text must be doubled, or the text put in single quotes"
            ),
        ),
        (b"x = 99-99\n", "is no TOML at line 1, column 7: nothing may follow a value on its line"),
        (b"\xff\n", "is no UTF-8 text"),
        (b"x = " + b"9" * 5000, "holds a value that is too deep or too long"),
        (b"x = " + b"[" * 5000, "holds a value that is too deep or too long"),
    ],
)
def test_what_is_no_toml(problems: Problems, toml: bytes, sentence: str) -> None:
    """A syntax error is one sentence; nothing is said of what the file may have held, nor quoted from it."""
    assert problems({}, toml=toml) == (f"config/notifier.toml: {sentence}.",)


def test_the_environment_is_still_judged(problems: Problems) -> None:
    """A file that is no TOML does not hide mistakes in variables."""
    assert problems({"NOTIFIER_LOG__LEVEL": "loud"}, toml=b"x") == (
        f"config/notifier.toml: is no TOML at line 1, column 2: {LINE}.",
        "log.level (NOTIFIER_LOG__LEVEL): expected debug, info, warning or error.",
    )


def test_a_file_that_is_too_large(problems: Problems) -> None:
    """A file is read up to a bound."""
    assert problems({**DINTERO, **WEBHOOK}, toml=b"#" * (MAX_CONFIG_BYTES + 1)) == (
        "config/notifier.toml: is larger than 1024 KiB.",
    )


def test_a_file_with_a_byte_order_mark_loads(load: Load) -> None:
    """What Windows' editors write is read."""
    assert load({**DINTERO, **WEBHOOK}, toml=b"\xef\xbb\xbf[poll]\r\nattempts = 3\r\n").poll.attempts == 3
