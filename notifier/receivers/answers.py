"""What an HTTP answer means to every kind of receiver, as values: no I/O.

The sentences name the receiver, the setting and the status; they never hold a credential, an address, a
message or a link, nor anything that the other end wrote.

Sources: RFC 9110 sections 10.2.3 (Retry-After) and 15 (status codes).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)

DEFAULT_RETRY_SECONDS: Final = 30.0
"""What is waited after a rate limit that does not say how long."""
MIN_RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 3_600.0

_SECONDS: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")

RECEIVER_STATUSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.GONE,
        HTTPStatus.MISDIRECTED_REQUEST,
    }
)
"""What concerns everything that is sent there, not one message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is the decoded JSON, the text, or None where there was neither.

    `headers` are found by their names in lower case.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Peer:
    """How a receiver and its other end are called in sentences, and which setting can be mended.

    `default_retry_seconds` is waited after a rate limit that does not say how long.
    """

    name: str
    party: str
    credential_setting: str
    default_retry_seconds: float = DEFAULT_RETRY_SECONDS

    def __str__(self) -> str:
        return f"Receiver {self.name}"


def lose(address: object, fault: str, *, was_sent: bool) -> DeliveryError:
    """Return the error for a request that got no answer; `fault` says what happened, in our own words.

    `address` is how the receiver is called in sentences.
    """
    if was_sent:
        return DeliveryAmbiguous(f"{address}: {fault} after the request was sent; it may have taken effect")
    return DeliveryUnavailable(f"{address}: {fault} before the request was sent; it is sent again later")


def read_retry_after(headers: Mapping[str, str], default_seconds: float = DEFAULT_RETRY_SECONDS) -> float:
    """Return the seconds to wait: `Retry-After` in seconds or as a date (against the answer's own `Date`).

    The default where it says nothing that can be read; at least 1 s and at most an hour.
    """
    value = headers.get("retry-after", "").strip()
    seconds = default_seconds
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    elif value:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
            seconds = wait.total_seconds()
        except (TypeError, ValueError, OverflowError):
            seconds = default_seconds
    return min(max(seconds, MIN_RETRY_SECONDS), MAX_RETRY_SECONDS)


def explain(answer: Answer, peer: Peer) -> DeliveryError:
    """Return the error for an answer that is no receipt, by its status.

    A 503 with `Retry-After` is an overloaded server that asks to be left alone; any other 5xx may have come
    after the message was taken.
    """
    status, code = answer.status, f"http_{answer.status}"
    is_busy = status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers
    if status == HTTPStatus.TOO_MANY_REQUESTS or is_busy:
        seconds = read_retry_after(answer.headers, peer.default_retry_seconds)
        return DeliveryRateLimited(
            f"{peer}: {peer.party} takes no more for now (HTTP {status}); "
            f"it is sent again after {seconds:g} s",
            code=code,
            retry_after_seconds=seconds,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        sentence = f"{peer}: {peer.party} answered HTTP {status}; the request may have taken effect"
        return DeliveryAmbiguous(sentence, code=code, was_answered=True)
    if status == HTTPStatus.TOO_EARLY:
        return DeliveryUnavailable(f"{peer}: HTTP {status} came back; it is sent again later", code=code)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        fault = (
            f"HTTP {status} came back, which {peer.party} does not answer; the request may have taken effect"
        )
        return DeliveryAmbiguous(f"{peer}: {fault}", code=code, was_answered=True)
    return _reject(status, code, peer)


def _reject(status: int, code: str, peer: Peer) -> DeliveryRejected:
    if status < HTTPStatus.BAD_REQUEST:
        fault = (
            f"a redirect (HTTP {status}) came back, which is not followed: check the address in the settings"
        )
        return DeliveryRejected(f"{peer}: {fault}", code=code, scope="receiver")
    if status == HTTPStatus.GONE:
        fault = (
            f"{peer.party} wants no more messages (HTTP 410): take the receiver out of the settings, or mend"
        )
        return DeliveryRejected(f"{peer}: {fault} {peer.credential_setting}", code=code, scope="receiver")
    if status in RECEIVER_STATUSES:
        fault = f"HTTP {status} came back: check {peer.credential_setting} and the address that is posted to"
        return DeliveryRejected(f"{peer}: {fault}", code=code, scope="receiver")
    fault = f"{peer.party} refused the message with HTTP {status}"
    return DeliveryRejected(f"{peer}: {fault}", code=code, scope="message")
