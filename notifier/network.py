"""How the outside is reached: which certificates are trusted, and through which proxy.

Certificates are always verified, and nothing here turns that off. What is not TLS never goes through a proxy:
the settings allow it to this machine alone, and a proxy would read the credentials.

The system's certificates take OpenSSL 3 a tenth of a second each time they are read, so they are read once,
beside the rest of the start, and only where something is reached over TLS.
"""

import ssl
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from notifier.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Network:
    """What every connection is made with.

    `own_context` holds certificates beside the system's (None: the system's alone). `proxy` is an address,
    which may hold a password; `no_proxy` are hosts that are reached without it, `*.example.com` for all below
    one.
    """

    own_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()

    def find_context(self, *addresses: str) -> ssl.SSLContext | None:
        """Return the certificates to trust, None where no address is reached over TLS."""
        if not is_tls(addresses):
            return None
        return self.own_context or read_system_certificates().result()

    def find_proxy(self, address: str) -> str | None:
        """Return the proxy for an address, None where it is to be reached directly."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme != "https" or any(_is_below(host, one) for one in self.no_proxy):
            return None
        return self.proxy


def open_network(ca_file: str | None, proxy: str | None, no_proxy: tuple[str, ...]) -> Network:
    """Read what the settings name. Raises ConfigError with a sentence about the file of certificates."""
    return Network(None if ca_file is None else trust(Path(ca_file)), proxy, no_proxy)


def is_tls(addresses: Iterable[str]) -> bool:
    """Whether any of the addresses is reached over TLS."""
    return any(urlsplit(address).scheme == "https" for address in addresses)


@cache
def read_system_certificates() -> "Future[ssl.SSLContext]":
    """Begin to read the system's certificates, once for this process, in a thread: OpenSSL needs no GIL."""
    future: Future[ssl.SSLContext] = Future()

    def read() -> None:
        try:
            future.set_result(_make_context())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    Thread(target=read, name="certificates", daemon=True).start()
    return future


def _make_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # As aiohttp's own.
    context.set_alpn_protocols(["http/1.1"])
    return context


def load_aiohttp() -> None:
    """Import aiohttp without the system's certificates, which it reads twice while it is imported.

    Its own two contexts (aiohttp.connector, 3.14, read 2026-11) hold no certificate then. Every connector of
    ours is given its context; one that was forgotten would find no host to be trusted.
    """
    if "aiohttp" in sys.modules:
        return
    with _without_default_certificates():
        import_module("aiohttp")


@contextmanager
def _without_default_certificates() -> Iterator[None]:
    # ssl.SSLContext inherits the method: what is put before it is taken away again, and nothing else touched.
    ssl.SSLContext.set_default_verify_paths = lambda _self: None  # type: ignore[method-assign,assignment] # on purpose
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths


def trust(ca_file: Path) -> ssl.SSLContext:
    """Return the system's certificates together with those of a PEM file. Raises ConfigError."""
    context = _make_context()
    reason = ""
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        reason = "holds no certificates in PEM form, or a broken one"
    except FileNotFoundError:
        reason = "does not exist"
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    if reason:
        raise ConfigError(f"network.ca_file (NOTIFIER_NETWORK__CA_FILE): names a file that {reason}.")
    return context


def _is_below(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
