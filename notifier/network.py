"""How the outside is reached: which certificates are trusted, and through which proxy.

Certificates are always verified, and nothing here turns that off. What is not TLS never goes through a proxy:
the settings allow it to this machine alone, and a proxy would read the credentials.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from notifier.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Network:
    """What every connection is made with.

    `ssl_context` holds the certificates to trust (None: the system's). `proxy` is an address, which may hold
    a password; `no_proxy` are hosts that are reached without it, `*.example.com` for all below one.
    """

    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()

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


def trust(ca_file: Path) -> ssl.SSLContext:
    """Return the system's certificates together with those of a PEM file. Raises ConfigError."""
    context = ssl.create_default_context()
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
