"""The faults that the sandbox's servers can cause, as values.

`Kind` says what each does; the functions make them (`answer`, `html`, `hang`, …), and
`Fault.on` says which requests they hit. `catalogue` names those that can be drawn at random.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"
ERROR_PAGE = "<!doctype html><html><title>Bad gateway</title><h1>Bad gateway</h1></html>"


class Kind(StrEnum):
    """What a fault does; `Faults.caused` counts by these names."""

    ANSWER = "answer"
    """The given answer; the request has no effect."""
    ANSWER_AFTER = "answer_after"
    """The request has its effect; the given answer replaces the true one."""
    HTML = "html"
    """An HTML page where JSON is due; no effect."""
    WRONG_SHAPE = "wrong_shape"
    """Valid JSON of another shape; no effect."""
    REDIRECT = "redirect"
    """A redirect to the given address; no effect."""
    HANG = "hang"
    """No effect and no answer; the connection closes after `seconds`."""
    HANG_AFTER = "hang_after"
    """The effect at once, the true answer after `seconds`."""
    DELAY = "delay"
    """The effect and the answer after `seconds`, even if the client has gone by then."""
    RESET = "reset"
    """The connection is reset; no effect."""
    RESET_AFTER = "reset_after"
    """The effect, then the connection is reset without an answer."""
    CUT_SHORT = "cut_short"
    """The effect; half of the body that Content-Length promises, then the end."""
    DRIP = "drip"
    """The effect; the body in pieces of `size_bytes`, `seconds` apart."""
    HUGE = "huge"
    """A streamed body of `size_bytes`; no effect."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: which requests it applies to, what it does, how often.

    Attributes:
        kind: what it does.
        method: HTTP method, or `*` for any.
        path: regular expression searched in the path with its query string.
        times: how many matching requests it hits; None means all.
        after: how many matching requests pass untouched before the first hit.
        status: HTTP status of the answer.
        headers: headers of the answer.
        body: body of the answer.
        seconds: how long to hang, to delay, or to wait between pieces.
        size_bytes: size of the piece (drip) or of the whole body (huge).
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int | None = 1
    after: int = 0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    size_bytes: int = 0

    def on(self, method: str = "*", path: str = "", *, times: int | None = 1, after: int = 0) -> "Fault":
        """Return this fault for other requests."""
        re.compile(path)
        return replace(self, method=method, path=path, times=times, after=after)

    def is_for(self, method: str, path: str) -> bool:
        """Say whether a request with this method and path is meant."""
        return self.method in ("*", method) and re.search(self.path, path) is not None


def answer(
    status: int,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    retry_after_seconds: int | None = None,
    retry_after_at: datetime | None = None,
    after_effect: bool = False,
) -> Fault:
    """Answer with a status instead of doing what was asked, or after doing it.

    `body` is sent as it is when it is bytes or text, and as JSON otherwise; None
    gives an error body in Dintero's form. `Retry-After` has two forms (RFC 9110,
    10.2.3): a number of seconds, or an HTTP date made of an aware datetime.
    """
    sent = {"Content-Type": JSON_TYPE, **(headers or {})}
    if retry_after_seconds is not None:
        sent["Retry-After"] = str(retry_after_seconds)
    if retry_after_at is not None:
        sent["Retry-After"] = format_datetime(retry_after_at, usegmt=True)
    if body is None:
        body = {"error": {"code": str(status), "message": f"caused by the sandbox: {status}"}}
    kind = Kind.ANSWER_AFTER if after_effect else Kind.ANSWER
    return Fault(kind, status=status, headers=sent, body=_as_bytes(body))


def ok_false(error: str, *, after_effect: bool = False, **fields: object) -> Fault:
    """Answer as Slack does when it refuses: HTTP 200 with `ok: false`."""
    return answer(200, body={"ok": False, "error": error, **fields}, after_effect=after_effect)


def html(status: int = 200, page: str = ERROR_PAGE) -> Fault:
    """Answer with an HTML page where JSON is due."""
    headers = {"Content-Type": HTML_TYPE}
    return Fault(Kind.HTML, status=status, headers=headers, body=_as_bytes(page))


def wrong_shape(body: object = ("not", "what", "was", "asked"), status: int = 200) -> Fault:
    """Answer with valid JSON of another shape."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Fault(Kind.WRONG_SHAPE, status=status, headers={"Content-Type": JSON_TYPE}, body=sent)


def redirect(location: str, status: int = 302) -> Fault:
    """Redirect to another address (which need not be on this server)."""
    return Fault(Kind.REDIRECT, status=status, headers={"Location": location})


def hang(seconds: float = 3600.0, *, after_effect: bool = False) -> Fault:
    """Say nothing for a while: without any effect, or after the effect."""
    return Fault(Kind.HANG_AFTER if after_effect else Kind.HANG, seconds=seconds)


def delay(seconds: float) -> Fault:
    """Do everything late: the effect comes even when the client has given up."""
    return Fault(Kind.DELAY, seconds=seconds)


def reset(*, after_effect: bool = False) -> Fault:
    """Reset the connection, before or after the effect."""
    return Fault(Kind.RESET_AFTER if after_effect else Kind.RESET)


def cut_short() -> Fault:
    """Send half of the promised body, after the effect."""
    return Fault(Kind.CUT_SHORT)


def drip(size_bytes: int = 16, seconds: float = 0.05) -> Fault:
    """Send the true answer in small pieces, `seconds` apart."""
    return Fault(Kind.DRIP, size_bytes=size_bytes, seconds=seconds)


def huge(size_bytes: int = 100 * 1024 * 1024, *, is_declared: bool = False) -> Fault:
    """Stream a body of this size, with or without saying so in Content-Length."""
    headers = {"Content-Type": JSON_TYPE}
    if is_declared:
        headers["Content-Length"] = str(size_bytes)
    return Fault(Kind.HUGE, headers=headers, size_bytes=size_bytes)


def catalogue(*, seconds: float = 1.0, retry_after_seconds: int = 1) -> dict[str, Fault]:
    """Return the faults that `Faults.random` can draw, by the names its rates use."""
    limited = answer(429, retry_after_seconds=retry_after_seconds)
    statuses = {str(code): answer(code) for code in (400, 401, 403, 404, 500, 502, 503)}
    return {
        **statuses,
        "429": limited,
        "500_after": answer(500, after_effect=True),
        "503_after": answer(503, after_effect=True),
        "html": html(),
        "wrong_shape": wrong_shape(),
        "hang": hang(seconds),
        "hang_after": hang(seconds, after_effect=True),
        "delay": delay(seconds),
        "reset": reset(),
        "reset_after": reset(after_effect=True),
        "cut_short": cut_short(),
        "drip": drip(size_bytes=64, seconds=seconds / 100),
        "huge": huge(8 * 1024 * 1024),
        "ratelimited": ok_false("ratelimited"),
        "internal_error": ok_false("internal_error"),
        "internal_error_after": ok_false("internal_error", after_effect=True),
        "fatal_error": ok_false("fatal_error"),
        "fatal_error_after": ok_false("fatal_error", after_effect=True),
    }


def _as_bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body).encode()
