"""Any bytes at all: a value or a SourceError, and nothing else."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.dintero.wire import accounts, connections, failures, token
from notifier.errors import SourceError, SourceMalformed
from tests.unit.dintero.samples import PLACE, VIPPS, load

NAMES = st.sampled_from(
    ["account_id", "paging_token", "connections", "payex", "vipps", "status", "events", "signup", "signups",
     "direct_signups", "id", "event", "created_at", "expires_at", "description", "metadata", "signature_link",
     "company", "display_name", "livemode", "access_token", "expires_in", "error", "code", "message"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2024-01-01", "P1"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
SAMPLES = st.sampled_from([load(name) for name in ("account", "connection_vipps", "page", "token")])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a sample with a piece of it replaced."""
    sample = draw(SAMPLES)
    start = draw(st.integers(0, len(sample)))
    end = draw(st.integers(start, min(len(sample), start + 40)))
    return sample[:start] + draw(st.binary(max_size=12)) + sample[end:]


BODIES = st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()) | damaged()


def encode_whole(value: Any) -> None:
    """Prove that every text in the value can be stored."""
    text = repr(value)
    assert "\0" not in text
    text.encode()


@settings(max_examples=100, deadline=None)
@given(BODIES)
def test_any_bytes_give_a_value_or_a_source_error(body: bytes) -> None:
    """Every decoder gives a storable value or SourceMalformed."""
    for decode in (
        lambda: connections.decode_connection(body, VIPPS, PLACE),
        lambda: accounts.decode_account(body, "P1", frozenset(), PLACE),
        lambda: token.decode_token(body, PLACE),
        lambda: [
            accounts.read_element(element, frozenset())
            for element in accounts.decode_page(body, PLACE).elements
        ],
    ):
        with suppress(SourceMalformed):
            encode_whole(decode())


@settings(max_examples=100, deadline=None)
@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text()),
    BODIES,
)
def test_any_answer_is_some_source_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """Every status with any headers and body becomes a SourceError of a printable sentence."""
    error = failures.describe_failure(status, headers, body, PLACE, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert isinstance(error, SourceError)
    assert str(error).isprintable()
    assert "://" not in str(error)
