"""The forms that single values must have. Each check returns the value in its one normal form.

A check raises ValueError with "expected …": what would have been right, never what stood there.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from notifier.domain.globs import is_sound

T = TypeVar("T")

ACCOUNT_ID: Final = re.compile(r"[PT][0-9]{8}")
OWNER_ID: Final = re.compile(r"[PT](?:[0-9]{3}|[0-9]{8})")
NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]|_(?=[a-z0-9-])){0,40}")
CONNECTION: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}(?:/[A-Za-z0-9_.-]{1,60})?")
CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9]{2,30}")
CHANNEL_NAME: Final = re.compile(r"#?([^\W_A-Z][^\sA-Z#<>,.!@&|\"'/\\\ud800-\udfff]{0,79})")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# The dot is what parts two labels: were it optional, a long wrong name could be divided in 2**n ways.
HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_HOST_AND_PORT: Final = re.compile(rf"(?:{HOST.pattern}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")
GLOB: Final = re.compile(r"[\x21-\x7e]{1,200}")
TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
CLOCK_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
# 32 bytes in URL-safe Base64: the last character before the = carries four bits.
STORE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=")

_HTTPS: Final = "an address that begins with https:// (http:// only for this machine, such as 127.0.0.1)"
_BASE_URL: Final = f"expected {_HTTPS}, without user name, query and fragment"
_WEBHOOK_URL: Final = f"expected {_HTTPS}, as Slack shows it for the webhook"


@dataclass(frozen=True, slots=True)
class Number:
    """A check for a number from `low` to `high`, both allowed; `is_whole` refuses fractions."""

    low: float
    high: float
    unit: str = ""
    is_whole: bool = False

    def __call__(self, value: object) -> float:
        """Return the number that a number or its text stands for."""
        kind = "whole number" if self.is_whole else "number"
        unit = f" of {self.unit}" if self.unit else ""
        problem = ValueError(f"expected a {kind}{unit} from {self.low:g} to {self.high:g}")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise problem
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise problem from None
        if not self.low <= number <= self.high or (self.is_whole and not number.is_integer()):
            raise problem
        return int(number) if self.is_whole else number


@dataclass(frozen=True, slots=True)
class Form:
    """A check for a text that matches `pattern` as a whole."""

    pattern: re.Pattern[str]
    expected: str

    def __call__(self, text: str) -> str:
        """Return the text."""
        if not self.pattern.fullmatch(text):
            raise ValueError(f"expected {self.expected}")
        return text


def lower_case(value: object) -> object:
    """Make words from a fixed set independent of their case."""
    return value.lower() if isinstance(value, str) else value


def without_duplicates(values: tuple[T, ...]) -> tuple[T, ...]:
    """Keep the first of equal values, in order."""
    return tuple(dict.fromkeys(values))


def conceal(check: Callable[[str], str]) -> Callable[[SecretStr], SecretStr]:
    """Apply a check of text to a secret."""

    def check_secret(secret: SecretStr) -> SecretStr:
        return SecretStr(check(secret.get_secret_value()))

    return check_secret


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


def check_heartbeat_url(address: str) -> str:
    """Return the address that is asked for while everything works."""
    if not is_safe_address(address, has_query=True):
        raise ValueError(f"expected {_HTTPS}, without user name and fragment")
    return address


def check_clock_time(text: str) -> str:
    """Return a time of the day."""
    if not CLOCK_TIME.fullmatch(text):
        raise ValueError("expected a time of the day from 00:00 to 23:59, such as 09:00")
    return text


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


def check_store_key(text: str) -> str:
    """Return one or several Fernet keys, separated by commas."""
    keys = [key.strip() for key in text.split(",")]
    if not all(STORE_KEY.fullmatch(key) for key in keys):
        raise ValueError(
            "expected a key of 44 characters, or several with commas between, as made by "
            "`head -c 32 /dev/urandom | base64 | tr '+/' '-_'`"
        )
    return ",".join(dict.fromkeys(keys))


def check_file(text: str) -> str:
    """Return the path of a file."""
    if not text or not text.isprintable() or text.endswith("/"):
        raise ValueError("expected the path of a file")
    return text


def check_no_proxy(host: str) -> str:
    """Return a host's name, or `*.` and a domain, or an IP address, in lower case."""
    if not (HOST.fullmatch(host.removeprefix("*.")) or _is_address(host)):
        raise ValueError("expected a host's name, such as example.com, or *.example.com for all below it")
    return host.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_client_id(text: str) -> str:
    """Return a client id: the user of HTTP Basic, which holds no colon."""
    if not TOKEN.fullmatch(text) or ":" in text:
        raise ValueError("expected a client id without spaces and colons, as Dintero's Backoffice shows it")
    return text


def check_connection(name: str) -> str:
    """Return a connection's name."""
    if name == "payex":
        raise ValueError("expected a product behind payex, such as payex/creditcard")
    if not CONNECTION.fullmatch(name):
        raise ValueError("expected a connection's name in lower case, such as vipps or payex/creditcard")
    return name


def check_channel(text: str) -> str:
    """Return a channel's id, or its name behind a `#`."""
    if CHANNEL_ID.fullmatch(text):
        return text
    if match := CHANNEL_NAME.fullmatch(text):
        return f"#{match[1]}"
    raise ValueError("expected a channel's id (C…, G… or D…) or its name, such as #sales")


def check_mention(text: str) -> str:
    """Return a mention in the form that Slack reads in a message."""
    if match := re.fullmatch(r"@(here|channel|everyone)|<!(here|channel|everyone)(?:\|[^<>]*)?>", text):
        return f"<!{match[1] or match[2]}>"
    if match := re.fullmatch(r"([UW][A-Z0-9]{2,30})|<@([UW][A-Z0-9]{2,30})(?:\|[^<>]*)?>", text):
        return f"<@{match[1] or match[2]}>"
    if match := re.fullmatch(r"(S[A-Z0-9]{2,30})|<!subteam\^(S[A-Z0-9]{2,30})(?:\|[^<>]*)?>", text):
        return f"<!subteam^{match[1] or match[2]}>"
    raise ValueError(
        "expected @here, @channel, @everyone, a user's id (U…) or a user group's id (S…); "
        "Slack shows ids in a profile's menu"
    )


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
        raise ValueError("expected a host's name, such as example.com, or *.example.com for all below it")
    return host.lower()


def check_glob(text: str) -> str:
    """Return a pattern without spaces."""
    if not GLOB.fullmatch(text) or not is_sound(text):
        raise ValueError("expected a pattern without spaces, in which * stands for anything")
    return text


Name: TypeAlias = Annotated[
    str, AfterValidator(Form(NAME, "a name of lower-case letters, digits, _ and -, such as sales"))
]
AccountId: TypeAlias = Annotated[
    str, AfterValidator(Form(ACCOUNT_ID, "P or T and eight digits, such as P12345678"))
]
OwnerId: TypeAlias = Annotated[
    str,
    AfterValidator(Form(OWNER_ID, "P or T and eight digits, such as P12345678 (a partner may have three)")),
]
BaseUrl: TypeAlias = Annotated[str, AfterValidator(check_base_url)]
SlackBaseUrl: TypeAlias = Annotated[str, AfterValidator(check_slack_base_url)]
WebhookUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_webhook_url))]
HeartbeatUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_heartbeat_url))]
ClockTime: TypeAlias = Annotated[str, AfterValidator(check_clock_time)]
Token: TypeAlias = Annotated[
    SecretStr, AfterValidator(conceal(Form(TOKEN, "a token without spaces, such as Slack's xoxb-…")))
]
ClientId: TypeAlias = Annotated[str, AfterValidator(check_client_id)]
ClientSecret: TypeAlias = Annotated[
    SecretStr, AfterValidator(conceal(Form(TOKEN, "the client's secret, without spaces")))
]
StoreKey: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_store_key))]
ProxyUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_proxy))]
FilePath: TypeAlias = Annotated[str, AfterValidator(check_file)]
NoProxyHost: TypeAlias = Annotated[str, AfterValidator(check_no_proxy)]
Connection: TypeAlias = Annotated[str, AfterValidator(check_connection)]
Channel: TypeAlias = Annotated[str, AfterValidator(check_channel)]
Mention: TypeAlias = Annotated[str, AfterValidator(check_mention)]
StoreUrl: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_store_url))]
AllowedHost: TypeAlias = Annotated[str, AfterValidator(check_allowed_host)]
Glob: TypeAlias = Annotated[str, AfterValidator(check_glob)]
AccountIds: TypeAlias = Annotated[tuple[AccountId, ...], AfterValidator(without_duplicates)]
Connections: TypeAlias = Annotated[tuple[Connection, ...], AfterValidator(without_duplicates)]
NoProxyHosts: TypeAlias = Annotated[tuple[NoProxyHost, ...], AfterValidator(without_duplicates)]
AllowedHosts: TypeAlias = Annotated[tuple[AllowedHost, ...], AfterValidator(without_duplicates)]
Globs: TypeAlias = Annotated[tuple[Glob, ...], AfterValidator(without_duplicates)]
Names: TypeAlias = Annotated[tuple[Name, ...], AfterValidator(without_duplicates)]
IntervalSeconds: TypeAlias = Annotated[float, BeforeValidator(Number(0.05, 604_800, "seconds"))]
TimeoutSeconds: TypeAlias = Annotated[float, BeforeValidator(Number(0.05, 600, "seconds"))]
WholeSeconds: TypeAlias = Annotated[int, BeforeValidator(Number(1, 30, "seconds", is_whole=True))]
WaitSeconds: TypeAlias = Annotated[float, BeforeValidator(Number(0, 86_400, "seconds"))]
AlarmMinutes: TypeAlias = Annotated[float, BeforeValidator(Number(0.005, 10_080, "minutes"))]
Hours: TypeAlias = Annotated[float, BeforeValidator(Number(0.001, 8760, "hours"))]
Days: TypeAlias = Annotated[float, BeforeValidator(Number(0, 36_500, "days"))]
GraceHours: TypeAlias = Annotated[float, BeforeValidator(Number(0, 8760, "hours"))]
Mebibytes: TypeAlias = Annotated[float, BeforeValidator(Number(0.001, 4096, "MiB"))]
RequestsPerSecond: TypeAlias = Annotated[float, BeforeValidator(Number(0.01, 100_000, "requests a second"))]
Concurrency: TypeAlias = Annotated[int, BeforeValidator(Number(1, 1000, is_whole=True))]
StormCards: TypeAlias = Annotated[int, BeforeValidator(Number(0, 1000, is_whole=True))]
Attempts: TypeAlias = Annotated[int, BeforeValidator(Number(1, 20, is_whole=True))]
