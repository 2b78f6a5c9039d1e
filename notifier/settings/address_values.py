"""The forms of addresses and hosts; `forms` says how checks behave."""

import ipaddress
import re
from typing import Annotated, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr

from notifier.settings.forms import TOKEN, conceal, without_duplicates

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# The dot is what parts two labels: were it optional, a long wrong name could be divided in 2**n ways.
HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_HOST_AND_PORT: Final = re.compile(rf"(?:{HOST.pattern}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")

_HTTPS: Final = "an address that begins with https:// (http:// only for this machine, such as 127.0.0.1)"
_BASE_URL: Final = f"expected {_HTTPS}, without user name, query and fragment"
_HOST_NAME: Final = "expected a host's name, such as example.com, or *.example.com for all below it"
_WEBHOOK_URL: Final = f"expected {_HTTPS}, as Slack shows it for the webhook"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_address(address: str, *, has_query: bool) -> bool:
    """Whether an address keeps what is sent to it private, and has no part that does not belong in it."""
    if not TOKEN.fullmatch(address) or any(mark in address for mark in '\\"<>'):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return False
    if not (HOST.fullmatch(host) or ":" in host) or "@" in parts.netloc or "#" in address:
        return False
    return has_query or "?" not in address


def check_base_url(address: str) -> str:
    """Return the address without a slash at its end."""
    if not is_safe_address(address, has_query=False):
        raise ValueError(_BASE_URL)
    return address.rstrip("/")


def check_slack_base_url(address: str) -> str:
    """Return the address with one slash at its end, as slack_sdk needs it."""
    return check_base_url(address) + "/"


def check_webhook_url(address: str) -> str:
    """Return the address of a webhook."""
    if not is_safe_address(address, has_query=True):
        raise ValueError(_WEBHOOK_URL)
    return address


def check_hook_url(address: str) -> str:
    """Return an address of the operator's own, which is posted to or asked for."""
    if not is_safe_address(address, has_query=True):
        raise ValueError(f"expected {_HTTPS}, without user name and fragment")
    return address


def check_proxy(address: str) -> str:
    """Return the address of a proxy, which may hold a user name and a password."""
    problem = ValueError("expected an address such as http://proxy.example.com:3128, without path and query")
    if not TOKEN.fullmatch(address) or any(mark in address for mark in '\\"<>?#'):
        raise problem
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in {"http", "https"} or parts.path not in {"", "/"}:
        raise problem
    if not (HOST.fullmatch(host) or ":" in host):
        raise problem
    return address.rstrip("/")


def check_no_proxy(host: str) -> str:
    """Return a host's name, or `*.` and a domain, or an IP address, in lower case."""
    if not (HOST.fullmatch(host.removeprefix("*.")) or _is_address(host)):
        raise ValueError(_HOST_NAME)
    return host.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_store_url(address: str) -> str:
    """Return the address of a SQLite file, or of a PostgreSQL database."""
    if match := re.match(r"postgres(?:ql)?(?:\+\w+)?:", address, re.IGNORECASE):
        return _check_database(f"postgresql:{address[match.end() :]}")
    match = re.fullmatch(r"sqlite:///([^?#\x00-\x1f\x7f]+)", address)
    if not match or match[1] == ":memory:" or match[1].endswith("/") or not match[1].isprintable():
        raise ValueError(
            "expected sqlite:///<file> (three slashes, then a path from the working directory) "
            "or sqlite:////<file> (four, then a path from the root), "
            "or postgresql://<user>:<password>@<host>:<port>/<database>"
        )
    return address


def _check_database(address: str) -> str:
    """Return the address of a PostgreSQL database as libpq reads it; what its options mean, libpq says."""
    problem = ValueError(
        "expected postgresql://<user>:<password>@<host>:<port>/<database>, perhaps with options behind a "
        "question mark such as ?sslmode=require, with special characters in user and password written as %XX"
    )
    if not TOKEN.fullmatch(address) or any(mark in address for mark in '\\"<>#^`{|}'):
        raise problem
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise problem from None
    hosts = parts.netloc.rpartition("@")[2]
    is_sound = all(_HOST_AND_PORT.fullmatch(one) for one in hosts.split(",") if one)
    name = parts.path.removeprefix("/") or options.get("dbname", "")
    if not is_sound or not (hosts or options.get("host")) or not name or "/" in name:
        raise problem
    return address


def check_allowed_host(host: str) -> str:
    """Return a host's name, or `*.` and a domain, in lower case."""
    if not HOST.fullmatch(host.removeprefix("*.")) or "." not in host:
        raise ValueError(_HOST_NAME)
    return host.lower()


BaseUrl: TypeAlias = Annotated[str, AfterValidator(check_base_url)]
SlackBaseUrl: TypeAlias = Annotated[str, AfterValidator(check_slack_base_url)]
WebhookUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_webhook_url))]
HookUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_hook_url))]
ProxyUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_proxy))]
StoreUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_store_url))]
NoProxyHost: TypeAlias = Annotated[str, AfterValidator(check_no_proxy)]
AllowedHost: TypeAlias = Annotated[str, AfterValidator(check_allowed_host)]
NoProxyHosts: TypeAlias = Annotated[tuple[NoProxyHost, ...], AfterValidator(without_duplicates)]
AllowedHosts: TypeAlias = Annotated[tuple[AllowedHost, ...], AfterValidator(without_duplicates)]
