"""Statuses, headers and error bodies, to errors by meaning."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from time import process_time

import pytest

from notifier.dintero.wire.failures import describe_failure, read_retry_after
from notifier.dintero.wire.place import Place
from notifier.dintero.wire.token import decode_token
from notifier.errors import (
    SourceError,
    SourceMalformed,
    SourceNotFound,
    SourceRateLimited,
    SourceRejected,
    SourceUnauthorized,
    SourceUnavailable,
)
from tests.unit.dintero.samples import PLACE, load

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
TOKEN_PLACE = Place(
    "access token for P1", "/accounts/P1/auth/token", "NOTIFIER_DINTERO__", asks_for_token=True
)


def describe(
    status: int, body: bytes = b"", place: Place = PLACE, headers: dict[str, str] | None = None
) -> SourceError:
    """Make the error of one answer."""
    return describe_failure(status, headers or {}, body, place, now=NOW, hidden=("CANARY-SECRET",))


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (304, SourceMalformed, "304"),
        (204, SourceMalformed, "200 was expected"),
        (302, SourceRejected, "NOTIFIER_DINTERO__BASE_URL"),
        (400, SourceRejected, "400"),
        (401, SourceUnauthorized, "NOTIFIER_DINTERO__CLIENT_ID"),
        (403, SourceUnauthorized, "read:accounts or admin:accounts"),
        (404, SourceNotFound, "no such connection"),
        (408, SourceUnavailable, "408"),
        (410, SourceRejected, "410"),
        (425, SourceUnavailable, "425"),
        (429, SourceRateLimited, "429"),
        (500, SourceUnavailable, "500"),
        (503, SourceUnavailable, "503"),
        (599, SourceUnavailable, "599"),
    ],
)
def test_each_status_is_its_error(status: int, kind: type[SourceError], hint: str) -> None:
    """The class is by meaning; the sentence says what was asked and what to do."""
    error = describe(status)
    assert type(error) is kind
    assert error.status == status
    assert hint in str(error)
    assert "connection vipps of P12345678" in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_token_is_about_credentials(status: int) -> None:
    """Whatever refuses the token is SourceUnauthorized: a 404 there says nothing about any connection."""
    error = describe(status, load("error_not_found"), TOKEN_PLACE)
    assert type(error) is SourceUnauthorized
    for variable in ("ACCOUNT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        assert f"NOTIFIER_DINTERO__{variable}" in str(error)


def test_only_code_and_message_are_quoted() -> None:
    """Of a body, its code and its message are shown and nothing else."""
    error = describe(404, load("error_not_found"))
    assert ": NOT FOUND, No such connection" in str(error)
    assert "CANARY" not in str(error)
    assert "FORBIDDEN, Missing scope read:accounts" in str(describe(403, load("error_forbidden")))


@pytest.mark.parametrize(
    "message",
    [
        "see https://sig.example.com/CANARY now",
        "see sig.example.com/CANARY now",
        "see javascript:CANARY now",
        "bad token CANARY-SECRET",
        "token eyJhbGciOiJIUzI1NiJ9CANARYCANARYCANARY.x",
        "CANARY"[::-1] + "\u202e\x1b[31m\0\r\n",
        "x " * 5_000 + "CANARY",
    ],
)
def test_no_link_key_or_control_character_is_quoted(message: str) -> None:
    """Links, known secrets, long opaque texts and control characters never reach a sentence."""
    body = json.dumps({"error": {"code": 7, "message": message}})
    text = str(describe(400, body.encode()))
    assert "CANARY" not in text
    assert text.isprintable()
    assert len(text) < 500


@pytest.mark.parametrize(
    "body", [b"<html>CANARY", b'"CANARY"', b'{"error": "CANARY"}', b'{"error": {"code": ["CANARY"]}}']
)
def test_other_bodies_are_not_quoted(body: bytes) -> None:
    """A body of another shape adds nothing to the sentence."""
    assert "CANARY" not in str(describe(500, body))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("9" * 12, 86_400.0),
        (format_datetime(datetime(2026, 8, 1, 12, 0, 30, tzinfo=UTC), usegmt=True), 30.0),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
        ("Sun, 06 Nov 9994 08:49:37 GMT", 86_400.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1_000", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    """Seconds or an HTTP date become seconds from now; anything else is nothing."""
    assert read_retry_after({"Retry-After": value}, NOW) == seconds


def test_a_date_is_counted_from_the_answers_own() -> None:
    """A wrong clock here does not change the wait."""
    headers = {
        "Retry-After": format_datetime(datetime(2030, 1, 1, 0, 1, tzinfo=UTC), usegmt=True),
        "Date": format_datetime(datetime(2030, 1, 1, tzinfo=UTC), usegmt=True),
    }
    assert read_retry_after(headers, NOW) == 60.0


@pytest.mark.parametrize("status", [429, 503])
def test_the_seconds_are_carried(status: int) -> None:
    """The wait that the server asked for is in the error."""
    error = describe(status, headers={"Retry-After": "9"})
    assert isinstance(error, SourceRateLimited | SourceUnavailable)
    assert error.retry_after_seconds == 9.0


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://user:CANARY@evil.example/CANARY?CANARY", "evil.example"),
        ("/elsewhere/CANARY", "another path of the same host"),
        ("http://[CANARY", "another path of the same host"),
        ("", "another path of the same host"),
    ],
)
def test_a_redirect_names_the_host_alone(location: str, said: str) -> None:
    """The sentence says which host, and neither path nor credentials."""
    text = str(describe(307, headers={"Location": location}))
    assert said in text
    assert "CANARY" not in text


def test_a_token_is_read_and_never_shown() -> None:
    """The sample's token is there, and not in its repr."""
    token = decode_token(load("token"), TOKEN_PLACE)
    assert token.value == "eyJhbGciOiJIUzI1NiJ9.CANARY-TOKEN.c2lnbmF0dXJl"
    assert token.lifetime_seconds == 86_400
    assert "CANARY" not in repr(token)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (b"60", 60.0),
        (b'"60"', 60.0),
        (b"null", 300.0),
        (b'"x"', 300.0),
        (b"-5", 300.0),
        (b'"nan"', 300.0),
        (b"1e400", 300.0),
    ],
)
def test_a_strange_lifetime_is_a_short_one(expires_in: bytes, seconds: float) -> None:
    """A token whose end cannot be read is renewed soon."""
    body = b'{"access_token": "t", "expires_in": %b}' % expires_in
    assert decode_token(body, TOKEN_PLACE).lifetime_seconds == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"access_token": ""}',
        b'{"access_token": 5}',
        rb'{"access_token": "a\r\nCANARY: b"}',
    ],
)
def test_an_unusable_token_is_malformed(body: bytes) -> None:
    """A missing token, or one that would end a header, is SourceMalformed."""
    with pytest.raises(SourceMalformed) as caught:
        decode_token(body, TOKEN_PLACE)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("piece", ["a", "a.", "w.", "www", "a./", ":/", "javascript"])
def test_no_message_takes_long_to_clean(piece: str) -> None:
    """A long message of Dintero's, or of somebody in its place, must not hold up everything else."""
    body = json.dumps({"error": {"code": "x", "message": piece * 4_000}}).encode()
    started_at = process_time()
    describe_failure(400, {}, body, PLACE, now=datetime.now(UTC), hidden=())
    assert process_time() - started_at < 0.2
