"""The log shows what happened, to people and to machines, and no secret, link or control character."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import pytest
import structlog

from notifier import log

CANARY = "CANARY7f3a"
LOGGERS = ("", "aiohttp", "alembic", "asyncio", "slack_sdk", "sqlalchemy")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Leave the process's logging as it was."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
    structlog.reset_defaults()


def speak(stream: TextIO, *, json_lines: bool = True, level: Literal["debug", "info"] = "debug") -> Any:
    """Configure the log and give a logger."""
    log.configure(level, "json" if json_lines else "console", stream, secrets=[f"known-{CANARY}"])
    return structlog.get_logger()


def fail(text: str, cause: Exception | None = None) -> None:
    """Raise an error with a text."""
    raise ValueError(text) from cause


def read_one(stream: io.StringIO) -> dict[str, Any]:
    """Read the one JSON line that was written."""
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    line: dict[str, Any] = json.loads(lines[0])
    return line


class Many(int):
    """A number of a kind of its own."""


@pytest.mark.parametrize("name", ["Fjordbris AS", "Blåbær AS", "\ud800", "💶"])
def test_a_json_line_is_compact_ascii_whatever_is_in_it(name: str) -> None:
    """Any stream and any search by text must take a line, whichever way it was written."""
    stream = io.StringIO()
    speak(stream).info("polled", merchant=name, count=2**70, share=float("nan"), more=Many(7))
    text = stream.getvalue()
    assert text.isascii()
    assert '"event":"polled"' in text
    line = json.loads(text)
    assert (line["count"], line["share"], line["more"]) == (2**70, None, 7)


def test_a_json_line_holds_the_event() -> None:
    """A line is one JSON object with the event, its level, a UTC instant and the values."""
    stream = io.StringIO()
    speak(stream).info(
        "polled", accounts=3, seconds=0.5, is_complete=True, at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    line = read_one(stream)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "event": "polled",
        "level": "info",
        "accounts": 3,
        "seconds": 0.5,
        "is_complete": True,
        "at": "2026-01-02 00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("stream", "chosen", "is_json"),
    [
        (io.StringIO(), None, True),
        (Terminal(), None, False),
        (Terminal(), "json", True),
        (io.StringIO(), "console", False),
    ],
)
def test_the_terminal_decides(
    stream: io.StringIO, chosen: Literal["console", "json"] | None, is_json: bool
) -> None:
    """Without a format, a terminal gets text and anything else JSON; a format wins over that."""
    log.configure("info", chosen, stream)
    structlog.get_logger().info("polled")
    assert stream.getvalue().startswith("{") is is_json


def test_logs_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, lines go to stderr."""
    log.configure("info", "json")
    structlog.get_logger().info("polled")
    seen = capsys.readouterr()
    assert seen.out == ""
    assert json.loads(seen.err)["event"] == "polled"
    assert sys.stderr is not None


def test_the_level_holds() -> None:
    """What is below the level is not written."""
    stream = io.StringIO()
    speak(stream, level="info").debug("polled")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", [*LOGGERS[1:], "aiohttp.client", "sqlalchemy.engine", "anything"])
def test_libraries_speak_at_warning_at_the_least(name: str) -> None:
    """Libraries' own lines come in the same form, and never below WARNING, also when they ask for it."""
    stream = io.StringIO()
    speak(stream)
    library = logging.getLogger(name)
    library.debug("x %s", CANARY)
    library.info("x")
    library.log(logging.WARNING, "slow: %s", "xoxb-1-2")
    line = read_one(stream)
    assert (line["event"], line["level"], line["logger"]) == ("slow: xoxb-[hidden]", "warning", name)


def test_a_library_that_sets_its_own_level_stays_quiet() -> None:
    """A logger that is set to DEBUG behind our back writes nothing below WARNING."""
    stream = io.StringIO()
    speak(stream)
    library = logging.getLogger("tests.loud")
    library.setLevel(logging.DEBUG)
    library.info(CANARY)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "bot_token",
        "access_token",
        "client_secret",
        "Authorization",
        "password",
        "cookie",
        "webhook_url",
        "webhook",
        "url",
        "link",
        "signature_link",
        "api_key",
    ],
)
@pytest.mark.parametrize("json_lines", [True, False])
def test_values_under_telling_names_are_dropped(key: str, json_lines: bool) -> None:
    """A value is dropped by its name, at any depth and of any type."""
    stream = io.StringIO()
    logger = speak(stream, json_lines=json_lines)
    for value in (CANARY, [CANARY], {"a": CANARY}, CANARY.encode()):
        logger.info("x", **{key: value}, inner=[{key: value}])
    assert CANARY not in stream.getvalue()
    assert "[hidden]" in stream.getvalue()


def test_numbers_are_no_secrets() -> None:
    """Counts and durations are shown whatever they are called."""
    stream = io.StringIO()
    speak(stream).info("x", token_expires_in_seconds=86400, links=2)
    assert read_one(stream)["token_expires_in_seconds"] == 86400


SECRETS = [
    (f"xoxb-1-{CANARY}", "xoxb-[hidden]"),
    (f"xapp-1-{CANARY}", "xapp-[hidden]"),
    (f"XOXP-{CANARY}", "XOXP-[hidden]"),
    (f"Bearer {CANARY}", "Bearer [hidden]"),
    (f"basic {CANARY}=", "basic [hidden]"),
    (f"eyJhbGciOi.{CANARY}.x", "eyJ[hidden]"),
    (f"known-{CANARY}", "[hidden]"),
    (f"https://hooks.slack.com/services/T/B/{CANARY}", "https://hooks.slack.com/[hidden]"),
    (f"hooks.slack.com/services/T/B/{CANARY}", "hooks.slack.com/[hidden]"),
    (f"https://sign.example.com/{CANARY}?x=1", "https://sign.example.com/[hidden]"),
    (f"http://127.0.0.1:8080/?{CANARY}", "http://127.0.0.1:8080/[hidden]"),
    (f"postgresql+psycopg://user:{CANARY}@db/x", "postgresql+psycopg://db/[hidden]"),
    ("https://api.dintero.com/v1/accounts/P12345678/auth/token", None),
    ("https://slack.com/api/chat.postMessage", None),
    ("http://127.0.0.1:8080/.", None),
]


@pytest.mark.parametrize(("text", "shown"), SECRETS)
@pytest.mark.parametrize("json_lines", [True, False])
def test_secrets_in_texts_are_masked(text: str, shown: str | None, json_lines: bool) -> None:
    """What looks like a secret, or is known as one, is masked in events, values, objects and exceptions."""
    stream = io.StringIO()
    logger = speak(stream, json_lines=json_lines)
    event = f"a {text} b"
    logger.info(event, value=event, inner=(text,), error=ValueError(text), **{f"k{text}": 1})
    try:
        fail(f"a {text} b")
    except ValueError:
        logger.exception("x")
        logging.getLogger("asyncio").exception("y")
    assert stream.getvalue().count(shown or text) >= 5
    assert CANARY not in stream.getvalue()


def test_an_exception_is_one_field() -> None:
    """In JSON an exception with its causes is one text in one line."""
    stream = io.StringIO()
    logger = speak(stream)
    try:
        try:
            json.loads("{}")["a"]
        except KeyError as error:
            fail("b", error)
    except ValueError:
        logger.exception("failed")
    exception = read_one(stream)["exception"]
    assert "KeyError: 'a'" in exception
    assert exception.endswith("ValueError: b")


HOSTILE = "a\n2026-01-01 [info] forged\r\x1b[31m\u202e\u2028\x07\ud800"


@pytest.mark.parametrize("json_lines", [True, False])
def test_nothing_from_outside_breaks_a_line(json_lines: bool) -> None:
    """Line ends, escape sequences and bidi marks in values come out as escapes, on one line."""
    stream = io.StringIO()
    speak(stream, json_lines=json_lines).info(HOSTILE, value=HOSTILE, inner={HOSTILE: [HOSTILE]})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.rstrip("\n").isprintable()
    text.encode()


def test_an_exception_cannot_forge_a_line() -> None:
    """On a terminal every line of an exception is marked as one."""
    stream = io.StringIO()
    logger = speak(stream, json_lines=False)
    try:
        fail(HOSTILE)
    except ValueError:
        logger.exception("failed")
    first, *others = stream.getvalue().splitlines()
    assert "failed" in first
    assert all(line.startswith("  | ") and line.isprintable() for line in others)


def test_long_values_are_cut() -> None:
    """No value fills the log."""
    stream = io.StringIO()
    speak(stream).info("x", value="a" * 10_000)
    assert read_one(stream)["value"] == "a" * 4000 + "… (6000 more)"


class Broken:
    """Something that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_a_value_that_cannot_be_shown_does_no_harm() -> None:
    """Objects without a repr, deep nests and bytes are shown by their kind."""
    stream = io.StringIO()
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    speak(stream).info("x", broken=Broken(), deep=deep, data=b"\x00\x01")
    line = read_one(stream)
    assert line["broken"] == "<Broken>"
    assert line["data"] == "<2 bytes>"


def test_configuring_again_moves_the_log() -> None:
    """A second configuration takes effect for loggers that exist already."""
    first, second = io.StringIO(), io.StringIO()
    logger = speak(first)
    speak(second)
    logger.info("x")
    logging.getLogger("y").warning("y")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 2
