"""The signature of a webhook, by which the other end knows that it came from us. No I/O.

Source: github.com/standard-webhooks/standard-webhooks, spec 1.0 ("Webhook metadata", "Webhook signatures",
"Multiple signatures"), read 2026-08.
"""

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from notifier.errors import ConfigError

PREFIX: Final = "whsec_"
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64


def read_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys of one or several secrets (`whsec_…`, separated by commas or spaces), in their order.

    Raises ConfigError.
    """
    keys = tuple(_read_key(secret) for secret in re.split(r"[,\s]+", text.strip()) if secret)
    if not keys:
        raise ConfigError("signing_secret: expected a secret that begins with whsec_.")
    return keys


def sign(keys: Sequence[bytes], webhook_id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """Return the three headers of one attempt; `sent_at` is in seconds of Unix time.

    There is a signature for each key, so that the other end may take the new one before or after us.
    """
    signed = b".".join((webhook_id.encode(), str(sent_at).encode(), body))
    signatures = (b64encode(hmac.new(key, signed, sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _read_key(secret: str) -> bytes:
    key = b""
    if secret.startswith(PREFIX):
        try:
            key = b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ConfigError("signing_secret: expected whsec_ and 24 to 64 bytes in Base64.")
    return key
