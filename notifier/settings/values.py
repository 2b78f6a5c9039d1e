"""The forms that single values must have; `forms` says how checks behave."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, SecretStr

from notifier.domain.globs import is_sound
from notifier.settings.forms import TOKEN, Form, Number, conceal, without_duplicates

ACCOUNT_ID: Final = re.compile(r"[PT][0-9]{8}")
OWNER_ID: Final = re.compile(r"[PT](?:[0-9]{3}|[0-9]{8})")
NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]|_(?=[a-z0-9-])){0,40}")
CONNECTION: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}(?:/[A-Za-z0-9_.-]{1,60})?")
CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9]{2,30}")
CHANNEL_NAME: Final = re.compile(r"#?([^\W_A-Z][^\sA-Z#<>,.!@&|\"'/\\\ud800-\udfff]{0,79})")
GLOB: Final = re.compile(r"[\x21-\x7e]{1,200}")
CLOCK_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
# 32 bytes in URL-safe Base64: the last character before the = carries four bits.
STORE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=")

check_account_id: Final = Form(ACCOUNT_ID, "P or T and eight digits, such as P12345678")


def check_clock_time(text: str) -> str:
    """Return a time of the day."""
    if not CLOCK_TIME.fullmatch(text):
        raise ValueError("expected a time of the day from 00:00 to 23:59, such as 09:00")
    return text


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


def check_glob(text: str) -> str:
    """Return a pattern without spaces."""
    if not GLOB.fullmatch(text) or not is_sound(text):
        raise ValueError("expected a pattern without spaces, in which * stands for anything")
    return text


Name: TypeAlias = Annotated[
    str, AfterValidator(Form(NAME, "a name of lower-case letters, digits, _ and -, such as sales"))
]
AccountId: TypeAlias = Annotated[str, AfterValidator(check_account_id)]
OwnerId: TypeAlias = Annotated[
    str,
    AfterValidator(Form(OWNER_ID, "P or T and eight digits, such as P12345678 (a partner may have three)")),
]
ClockTime: TypeAlias = Annotated[str, AfterValidator(check_clock_time)]
Token: TypeAlias = Annotated[
    SecretStr, AfterValidator(conceal(Form(TOKEN, "a token without spaces, such as Slack's xoxb-…")))
]
ClientId: TypeAlias = Annotated[str, AfterValidator(check_client_id)]
ClientSecret: TypeAlias = Annotated[
    SecretStr, AfterValidator(conceal(Form(TOKEN, "the client's secret, without spaces")))
]
StoreKey: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_store_key))]
FilePath: TypeAlias = Annotated[str, AfterValidator(check_file)]
Connection: TypeAlias = Annotated[str, AfterValidator(check_connection)]
Channel: TypeAlias = Annotated[str, AfterValidator(check_channel)]
Mention: TypeAlias = Annotated[str, AfterValidator(check_mention)]
Glob: TypeAlias = Annotated[str, AfterValidator(check_glob)]
AccountIds: TypeAlias = Annotated[tuple[AccountId, ...], AfterValidator(without_duplicates)]
Connections: TypeAlias = Annotated[tuple[Connection, ...], AfterValidator(without_duplicates)]
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
