"""Answers that are not 200, to errors by meaning, each with one sentence that says how to mend it.

docs.dintero.com, "Errors", read 2026-08: `{"error": {"code": …, "message": …, "errors": […]}}`. Of a body
only these two texts are shown: short, without control characters, without what looks like a link or a key.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec

from notifier.dintero.wire import fields
from notifier.dintero.wire.place import Place
from notifier.errors import (
    SourceError,
    SourceMalformed,
    SourceNotFound,
    SourceRateLimited,
    SourceRejected,
    SourceUnauthorized,
    SourceUnavailable,
)

MESSAGE_CHARACTERS: Final = 200
HOST_CHARACTERS: Final = 100
RETRY_AFTER_MAX_SECONDS: Final = 86_400.0
"""A wish for more than a day is taken for a day."""

SCOPES: Final = "read:accounts or admin:accounts"

# Word by word, since a pattern for a whole text would look at each of its characters once for every other.
_WORD: Final = re.compile(r"\S+")
_LINK_IN_WORD: Final = re.compile(r"://|www\.|\w\.[a-zA-Z]{2,}/")
_SCHEME: Final = re.compile(r"(?i:javascript|data|mailto):\S*")
_OPAQUE: Final = re.compile(r"[^\s/]{33,}")
_NOT_PRINTED: Final = re.compile(r"[^ -~\xa1-\xac\xae-\u02ff\u0370-\u1fff]+")
_SECONDS: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class OversizedBody(SourceMalformed):
    """The answer is longer than the bound on one body: asking for less may help."""


class _Detail(msgspec.Struct):
    code: msgspec.Raw = fields.EMPTY
    message: msgspec.Raw = fields.EMPTY


class _Failure(msgspec.Struct):
    error: _Detail


_FAILURE: Final = msgspec.json.Decoder(_Failure)


def describe_failure(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    place: Place,
    *,
    now: datetime,
    hidden: Iterable[str] = (),
) -> SourceError:
    """Make the error that an answer other than 200 means; `hidden` are texts that it must not quote."""
    said = read_message(body, hidden)
    if place.asks_for_token and status in {400, 401, 403, 404}:
        return _describe_refusal(status, place, said)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return SourceUnauthorized(
                f"Dintero did not take a fresh token for {place} (401{said}): check "
                f"{place.settings}CLIENT_ID and {place.settings}CLIENT_SECRET, and that the client may read "
                "this account.",
                status=status,
            )
        case HTTPStatus.FORBIDDEN:
            return SourceUnauthorized(
                f"Dintero refused {place} (403{said}): the client of {place.settings}CLIENT_ID needs the "
                f"scope {SCOPES}.",
                status=status,
            )
        case HTTPStatus.NOT_FOUND:
            return SourceNotFound(
                f"Dintero has no {place} (404{said}): there is no such account for these credentials, or the "
                "account has no such connection.",
                status=status,
            )
    return _describe_other(status, headers, place, said, now)


def _describe_refusal(status: int, place: Place, said: str) -> SourceError:
    """Say why there is no token: never SourceNotFound, which would mean that a connection is not there."""
    return SourceUnauthorized(
        f"Dintero gave no {place} ({status}{said}): check {place.settings}ACCOUNT_ID, "
        f"{place.settings}CLIENT_ID and {place.settings}CLIENT_SECRET, and that the account is a "
        "grant of the client.",
        status=status,
    )


def _describe_other(
    status: int, headers: Mapping[str, str], place: Place, said: str, now: datetime
) -> SourceError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = read_retry_after(headers, now)
        wait = f"; it asked to wait {seconds:g} s" if seconds is not None else ""
        return SourceRateLimited(
            f"Dintero had too many requests at {place} (429{said}){wait}.",
            status=status,
            retry_after_seconds=seconds,
        )
    if status in {408, 425} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnavailable(
            f"Dintero could not answer for {place} ({status}{said}).",
            status=status,
            retry_after_seconds=read_retry_after(headers, now),
        )
    if status >= HTTPStatus.BAD_REQUEST:
        return SourceRejected(f"Dintero refused {place} ({status}{said}).", status=status)
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        return SourceRejected(
            f"Dintero redirected {place} to {read_redirect_host(headers)} ({status}): it was not followed, "
            f"and the credentials were not sent there; check {place.settings}BASE_URL.",
            status=status,
        )
    return SourceMalformed(f"Dintero answered {status} for {place}, where 200 was expected.", status=status)


def read_message(body: bytes, hidden: Iterable[str] = ()) -> str:
    """Read `error.code` and `error.message`, as ": CODE, message", "" where there is neither."""
    try:
        detail = fields.decode(_FAILURE, body).error
    except fields.Undecodable:
        return ""
    texts = (fields.read_label(detail.code), fields.read_text(detail.message))
    said = ", ".join(filter(None, (clean(text, hidden) for text in texts if text)))
    return f": {said[:MESSAGE_CHARACTERS]}" if said else ""


def clean(text: str, hidden: Iterable[str] = ()) -> str:
    """Make somebody else's text fit for a sentence: short, printable, without links or keys."""
    text = text[: 20 * MESSAGE_CHARACTERS]
    for secret in hidden:
        if secret:
            text = text.replace(secret, "…")
    text = _WORD.sub(_hide_link, _NOT_PRINTED.sub(" ", text))
    return " ".join(_OPAQUE.sub("…", text).split())[:MESSAGE_CHARACTERS]


def _hide_link(word: re.Match[str]) -> str:
    return "…" if _LINK_IN_WORD.search(word[0]) else _SCHEME.sub("…", word[0])


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After` (RFC 9110, 10.2.3) as seconds from now; None where it is missing or unreadable.

    A date is counted from the answer's own `Date` where it has one, so that a wrong clock here does no harm.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), RETRY_AFTER_MAX_SECONDS)
    until = _read_date(text)
    if until is None:
        return None
    since = _read_date(headers.get("Date", "")) or now
    return min(max((until - since).total_seconds(), 0.0), RETRY_AFTER_MAX_SECONDS)


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text[:64])
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def read_redirect_host(headers: Mapping[str, str]) -> str:
    """Read the host, and no more, of `Location`."""
    try:
        host = urlsplit(headers.get("Location", "")[:4_096]).hostname
    except ValueError:
        host = None
    if not host:
        return "another path of the same host"
    return _NOT_PRINTED.sub("", host)[:HOST_CHARACTERS]
