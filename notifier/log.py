"""The log: one line an event, to stderr, fit for a person at a terminal or for a machine.

A line holds no secret and no signature link because nobody puts one in. What is here is the second line of
defence: values under telling names are dropped, secrets are masked by their form or because they are known,
addresses lose their path, and nothing from outside can break a line or speak to the terminal.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# Libraries speak at WARNING at the least: at DEBUG slack_sdk prints whole messages, aiohttp whole headers.
_LIBRARIES: Final = ("aiohttp", "alembic", "asyncio", "procrastinate", "slack_sdk", "sqlalchemy")
# Of a database that fails these tell each connection's story, with its trace; the store says it once.
_ECHOES: Final = ("psycopg", "sqlalchemy.pool")

HIDDEN: Final = "[hidden]"
_SECRET_NAME: Final = re.compile(
    r"token|secret|authorization|password|passwd|cookie|credential|webhook"
    r"|(?:^|[_-])(?:link|url|uri|href|api[_-]?key)$",
    re.IGNORECASE,
)
# Not bound to the start of a word: in a repr, "n" of a line end stands right before it.
_SECRET_TEXT: Final = re.compile(
    r"(xox[a-z]{1,2}[-.]|xapp-|Bearer\s+|Basic\s+(?=[\w+/=]{8})|eyJ(?=[\w-]+\.))[^\s\"'<>,;)]+", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"((?:https?|wss?|postgresql)(?:\+\w+)?://)([^\s/?#\"'<>]*)([^\s\"'<>]*)", re.IGNORECASE
)
_HOOK: Final = re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+", re.IGNORECASE)
# Paths that hold identifiers only: Dintero's accounts, and Slack's methods.
_PLAIN_PATH: Final = re.compile(
    r"(?:(?:/v1)?/accounts/[PT][0-9]{3,8}(?:/(?:management|auth)/[\w./-]*)?|/api/(?:[a-z]+\.)*[A-Za-z]*|/?)[.:,)]*"
)

# One of these, in small letters, is in every text that one of the patterns above finds something in.
_TELLTALES: Final = ("xox", "xapp-", "bearer", "basic", "eyj", "://", "hooks.slack.com/")

_LONGEST_TEXT: Final = 4_000
_LONGEST_EXCEPTION: Final = 40_000
_SHORTEST_SECRET: Final = 6
_DEEPEST: Final = 6
_MOST_NAMES: Final = 256


def configure(
    level: Literal["debug", "info", "warning", "error"] = "info",
    format: Literal["console", "json"] | None = None,  # noqa: A002  # the setting's own name
    stream: TextIO | None = None,
    *,
    secrets: Collection[str] = (),
) -> None:
    """Send the program's log and that of its libraries to `stream` (stderr, if not given).

    Without a format a terminal gets `console`, anything else `json`. `secrets` are texts that must not be in
    any line, wherever they come from.
    """
    stream = stream or sys.stderr
    is_terminal = stream.isatty()
    is_json = format == "json" or (format is None and not is_terminal)
    redact = Redactor(secrets)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    render = _choose_renderer(is_json=is_json, has_colors=is_terminal)
    writer = structlog.WriteLogger(stream)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # One for all lines: a factory of structlog's own would look for the lock of the stream each time.
        logger_factory=lambda *_names: writer,
        cache_logger_on_first_use=False,
    )
    _route_libraries(stream, max(_LEVELS[level], logging.WARNING), shared, render)


def _write_json(event: EventDict, **_options: object) -> str:
    """Return an event as JSON, in ASCII: `Redactor` leaves nothing but texts, numbers, lists and maps."""
    line = msgspec.json.encode(event, enc_hook=_make_plain)
    if line.isascii():
        return line.decode("ascii")
    # What is not ASCII stands as escapes, so that any stream takes it; all else is as in other lines.
    return json.dumps(msgspec.json.decode(line), separators=(",", ":"))


def _make_plain(value: object) -> float | str:
    """Return what stands for a number of a kind of its own."""
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else _describe(value)


def _choose_renderer(*, is_json: bool, has_colors: bool) -> Processor:
    if is_json:
        return structlog.processors.JSONRenderer(serializer=_write_json)
    console = structlog.dev.ConsoleRenderer(
        colors=has_colors, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )

    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        if exception := event.get("exception"):
            event["exception"] = "  | " + str(exception).replace("\n", "\n  | ")
        return console(logger, name, event)

    return render


def _route_libraries(stream: TextIO, least: int, shared: list[Processor], render: Processor) -> None:
    """Send what the standard library's loggers say through the same processors."""
    handler = logging.StreamHandler(stream)
    handler.setLevel(least)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(least)
    for library in _ECHOES:
        logging.getLogger(library).setLevel(logging.CRITICAL)


class Redactor:
    """A structlog processor that takes out of an event what must not be in a log."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = sorted((text for text in secrets if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(text) for text in known)) if known else None
        # The names of a line are in the program: they are the same few, again and again.
        self._clean_name = lru_cache(_MOST_NAMES)(self._clean)
        self._are_harmless = lru_cache(_MOST_NAMES)(self._look_at_names)

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        """Return the event with every value fit to be shown."""
        if self._is_harmless(event):
            return event
        return {
            self._clean_name(key): self._clean_exception(value)
            if key == "exception"
            else self._redact(key, value)
            for key, value in event.items()
        }

    def _is_harmless(self, event: EventDict) -> bool:
        """Whether a few looks at all of an event at once tell that nothing of it would be changed."""
        if not self._are_harmless(tuple(event)):
            return False
        texts: list[str] = []
        for value in event.values():
            if type(value) is str:
                texts.append(value)
            elif not (value is None or isinstance(value, bool | int | float)):
                return False
        line = " ".join(texts)
        if len(line) > _LONGEST_TEXT or not line.isascii() or not line.isprintable():
            return False
        small = line.lower()
        if any(mark in small for mark in _TELLTALES):
            return False
        return self._known is None or self._known.search(line) is None

    def _look_at_names(self, names: tuple[str, ...]) -> bool:
        """Whether all names of an event may stand there as they are, and none hides its value."""
        return not any(_is_secret(name) or self._clean_name(name) != name for name in names)

    def _redact(self, key: str, value: object, depth: int = 0) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if _is_secret(key):
            return HIDDEN
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {
                self._clean(str(name)): self._redact(str(name), inner, depth + 1)
                for name, inner in value.items()
            }
        if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self._redact("", inner, depth + 1) for inner in value]
        return self._clean(_describe(value))

    def _clean(self, text: str) -> str:
        return escape(_cut(self._mask(text), _LONGEST_TEXT))

    def _clean_exception(self, value: object) -> str:
        text = _cut(self._mask(str(value)), _LONGEST_EXCEPTION)
        return "\n".join(escape(line) for line in text.split("\n"))

    def _mask(self, text: str) -> str:
        """Mask what is known to be a secret, and what looks like one."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        text = _SECRET_TEXT.sub(lambda match: f"{match[1]}{HIDDEN}", text)
        text = _ADDRESS.sub(_mask_address, text)
        return _HOOK.sub(lambda match: f"{match[1]}{HIDDEN}", text)


@lru_cache(_MOST_NAMES)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _mask_address(match: re.Match[str]) -> str:
    """Leave of an address where it leads, not what would open it."""
    scheme, host, path = match[1], match[2], match[3]
    host = host.rpartition("@")[2]
    return f"{scheme}{host}{path}" if _PLAIN_PATH.fullmatch(path) else f"{scheme}{host}/{HIDDEN}"


def _describe(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    try:
        return str(value) if isinstance(value, str | BaseException | datetime | date) else repr(value)
    except Exception:  # noqa: BLE001  # a log line must not fail over what it shows
        return f"<{type(value).__name__}>"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more)"


def escape(text: str) -> str:
    """Write control, bidi and other invisible characters as escapes, so that a line stays one line."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)
