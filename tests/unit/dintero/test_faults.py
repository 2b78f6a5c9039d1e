"""Everything aiohttp can raise is a SourceError of one clear sentence."""

import asyncio
import errno
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import aiohttp
import pytest
from aiohttp import http_exceptions

from notifier.dintero.faults import FAULTS, describe_fault
from notifier.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from tests.unit.dintero.samples import PLACE


def list_kinds(root: type[BaseException]) -> Iterator[type[BaseException]]:
    """List a class and all of aiohttp's below it."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.startswith("aiohttp"):
            yield from list_kinds(kind)


def make(kind: type[BaseException], status: int = 400) -> BaseException:
    """Make an error whose every text is a canary."""
    error: Any = kind.__new__(kind)
    error.args = ("CANARY",)
    error.status = status
    error.message = "CANARY"
    error.headers = {"Authorization": "Bearer CANARY"}
    error.request_info = MagicMock()
    return error  # type: ignore[no-any-return]


KINDS = sorted(
    {*list_kinds(aiohttp.ClientError), *list_kinds(http_exceptions.HttpProcessingError)},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_aiohttp_error_is_mapped(kind: type[BaseException]) -> None:
    """Each is caught, is a SourceError, names its class, and quotes none of its own words."""
    assert issubclass(kind, FAULTS)
    error = describe_fault(make(kind), PLACE)
    assert isinstance(error, SourceError)
    assert "connection vipps of P12345678" in str(error)
    assert "CANARY" not in str(error)
    assert "the exchange failed" not in str(error) or kind is aiohttp.ClientError


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (aiohttp.ClientConnectorCertificateError, SourceRejected),
        (aiohttp.ClientConnectorSSLError, SourceUnavailable),
        (aiohttp.ClientConnectorDNSError, SourceUnavailable),
        (aiohttp.ClientPayloadError, SourceUnavailable),
        (aiohttp.ServerDisconnectedError, SourceUnavailable),
        (aiohttp.SocketTimeoutError, SourceUnavailable),
        (asyncio.TimeoutError, SourceUnavailable),
        (ConnectionResetError, SourceUnavailable),
        (aiohttp.InvalidURL, SourceRejected),
        (aiohttp.NonHttpUrlClientError, SourceRejected),
        (aiohttp.ClientResponseError, SourceMalformed),
        (http_exceptions.LineTooLong, SourceMalformed),
    ],
)
def test_errors_are_mapped_by_meaning(kind: type[BaseException], expected: type[SourceError]) -> None:
    """What may pass is unavailable; what somebody must mend is rejected; what is no HTTP is malformed."""
    assert type(describe_fault(make(kind), PLACE)) is expected


def test_the_systems_word_is_told() -> None:
    """The operating system's reason is in the sentence."""
    error = describe_fault(OSError(errno.ECONNREFUSED, "CANARY"), PLACE)
    assert "Connection refused" in str(error)
    assert "CANARY" not in str(error)


@pytest.mark.parametrize(("status", "kind"), [(407, SourceRejected), (502, SourceUnavailable)])
def test_a_proxys_answer_is_told(status: int, kind: type[SourceError]) -> None:
    """A proxy that wants credentials must be mended; one that is broken may come back."""
    error = describe_fault(make(aiohttp.ClientHttpProxyError, status), PLACE)
    assert type(error) is kind
    assert str(status) in str(error)
