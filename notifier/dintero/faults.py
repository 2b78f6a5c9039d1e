"""What aiohttp raises, to errors by meaning. None of its texts is shown: they may hold headers and URLs."""

import asyncio
import errno
import os
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from notifier.dintero.wire.place import Place
from notifier.errors import SourceError, SourceMalformed, SourceRejected, SourceUnavailable

FAULTS: Final = (aiohttp.ClientError, HttpProcessingError, OSError, EOFError, RuntimeError, ValueError)
"""Everything an exchange may raise; asyncio's TimeoutError is an OSError, some of these are ValueErrors."""

PROXY_AUTHENTICATION_REQUIRED: Final = 407

_HINTS: Final[tuple[tuple[type[BaseException], type[SourceError], str], ...]] = (
    # The first class that fits decides: what is special stands before what it is a kind of.
    (
        aiohttp.ClientConnectorCertificateError,
        SourceRejected,
        "its TLS certificate could not be verified: check {settings}BASE_URL and network.ca_file",
    ),
    (
        aiohttp.ServerFingerprintMismatch,
        SourceRejected,
        "its TLS certificate is not the expected one: check {settings}BASE_URL",
    ),
    (aiohttp.ClientConnectorSSLError, SourceUnavailable, "the TLS handshake failed"),
    (aiohttp.ClientSSLError, SourceUnavailable, "the TLS handshake failed"),
    (
        aiohttp.ClientConnectorDNSError,
        SourceUnavailable,
        "its host name was not found: check {settings}BASE_URL and the name server",
    ),
    (
        aiohttp.ClientProxyConnectionError,
        SourceUnavailable,
        "the proxy could not be reached: check its address",
    ),
    (aiohttp.ClientConnectorError, SourceUnavailable, "no connection could be made"),
    (aiohttp.ConnectionTimeoutError, SourceUnavailable, "the connection took too long"),
    (aiohttp.ServerTimeoutError, SourceUnavailable, "the answer took too long"),
    (asyncio.TimeoutError, SourceUnavailable, "the answer took too long"),
    (aiohttp.ServerDisconnectedError, SourceUnavailable, "it closed the connection without an answer"),
    (aiohttp.ClientPayloadError, SourceUnavailable, "its answer was cut short or garbled"),
    (aiohttp.UploadAbortedError, SourceUnavailable, "the request was not fully sent"),
    (aiohttp.ClientConnectionError, SourceUnavailable, "the connection was lost"),
    (aiohttp.TooManyRedirects, SourceRejected, "it redirected too often: check {settings}BASE_URL"),
    (aiohttp.InvalidURL, SourceRejected, "that is no valid address: check {settings}BASE_URL"),
    (
        aiohttp.NonHttpUrlClientError,
        SourceRejected,
        "that is no http or https address: check {settings}BASE_URL",
    ),
    (
        aiohttp.RedirectClientError,
        SourceRejected,
        "it redirected to no valid address: check {settings}BASE_URL",
    ),
    # A header that is too long, a broken status line, …: aiohttp wraps them all in ClientResponseError.
    (aiohttp.ClientResponseError, SourceMalformed, "its answer is no valid HTTP"),
    (HttpProcessingError, SourceMalformed, "its answer is no valid HTTP"),
    (aiohttp.ClientError, SourceUnavailable, "the exchange failed"),
    (OSError, SourceUnavailable, "the connection was lost"),
    (EOFError, SourceUnavailable, "the connection was lost"),
    (RuntimeError, SourceUnavailable, "the session is closed"),
    (ValueError, SourceRejected, "the request could not be made"),
)


def describe_fault(error: BaseException, place: Place) -> SourceError:
    """Make the error that a failed exchange means, with the class of the cause but none of its words."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        sentence = f"Dintero was not asked for {place}: the proxy answered {error.status}."
        if error.status == PROXY_AUTHENTICATION_REQUIRED:
            return SourceRejected(f"{sentence[:-1]}; check the user and password in its address.")
        return SourceUnavailable(sentence)
    for cause, kind, sentence in _HINTS:
        if isinstance(error, cause):
            hint = sentence.format(settings=place.settings)
            return kind(f"Dintero was asked for {place}, but {hint} ({_name(error)}).")
    return SourceUnavailable(f"Dintero was asked for {place}, but the exchange failed ({_name(error)}).")


def _name(error: BaseException) -> str:
    """Name the cause: its class, and the operating system's word where it is one."""
    kind = type(error).__name__
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and number in errno.errorcode:
        return f"{kind}: {os.strerror(number)}"
    return kind
