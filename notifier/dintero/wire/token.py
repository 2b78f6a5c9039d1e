"""The answer of `POST /accounts/{oid}/auth/token`: docs.dintero.com, "Get token", read 2026-08."""

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from notifier.dintero.wire import fields
from notifier.dintero.wire.place import Place
from notifier.errors import SourceMalformed

DEFAULT_LIFETIME_SECONDS: Final = 300.0
"""What a token without a readable `expires_in` is taken to live."""

# RFC 6750, b64token, and nothing that could end a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")


class _Token(msgspec.Struct):
    access_token: msgspec.Raw = fields.EMPTY
    expires_in: msgspec.Raw = fields.EMPTY


_DECODER: Final = msgspec.json.Decoder(_Token)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, which never shows itself, and for how long it is good."""

    value: str = field(repr=False)
    lifetime_seconds: float


def decode_token(body: bytes, place: Place) -> Token:
    """Read the token's answer. Raises SourceMalformed when there is no usable token in it."""
    try:
        token = fields.decode(_DECODER, body)
    except fields.Undecodable as error:
        raise SourceMalformed(f"Dintero answered {error} for {place}.", status=200) from None
    value = fields.read_text(token.access_token) or ""
    if not _TOKEN.fullmatch(value):
        raise SourceMalformed(f"Dintero answered without a usable access_token for {place}.", status=200)
    return Token(value, _read_lifetime(token.expires_in))


def _read_lifetime(raw: msgspec.Raw) -> float:
    try:
        seconds = float(fields.read_label(raw) or "")
    except ValueError:
        return DEFAULT_LIFETIME_SECONDS
    # A NaN or an infinity is no time either.
    return seconds if 0 <= seconds < float("inf") else DEFAULT_LIFETIME_SECONDS
