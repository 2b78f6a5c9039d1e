"""Silences: what is not told for a while, because somebody said so."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifier.domain.change import Change
from notifier.domain.globs import is_any, is_sound
from notifier.domain.message import Severity
from notifier.domain.model import Account
from notifier.domain.severity import assess_severity

NAMES: Final = ("account", "merchant", "connection", "event", "status", "livemode", "severity", "case")

_FORM: Final = re.compile(r"\s*([A-Za-z_]+)\s*(!=|=)(.*)", re.DOTALL)
_MOST_CHARACTERS: Final = 500
_CHOICES: Final = {
    "livemode": ("true", "false"),
    "severity": tuple(str(severity) for severity in Severity),
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a silence: the field `name` is one of `patterns` (globs), or none of them."""

    name: str
    patterns: tuple[str, ...]
    is_negative: bool = False

    def matches(self, value: str) -> bool:
        """Whether the condition is met by the field's value."""
        return is_any(self.patterns, value) is not self.is_negative

    def __str__(self) -> str:
        """Return the matcher as `read_matcher` reads it."""
        return f"{self.name}{'!=' if self.is_negative else '='}{'|'.join(self.patterns)}"


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing that all of `matchers` match is told from `starts_at` to before `ends_at`."""

    silence_id: str
    matchers: tuple[Matcher, ...]
    author: str
    comment: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime

    def is_active(self, at: datetime) -> bool:
        """Whether it silences at an instant."""
        return self.starts_at <= at < self.ends_at

    def matches(self, change: Change, account: Account, severity: Severity | None = None) -> bool:
        """Whether it is about a change; without a `severity` the change's own is found."""
        values = list_values(change, account, severity)
        # One without matchers would silence everything: such a one cannot be made.
        return bool(self.matchers) and all(one.matches(values[one.name]) for one in self.matchers)


def find_silence(
    silences: Iterable[Silence],
    change: Change,
    account: Account,
    now: datetime,
    severity: Severity | None = None,
) -> Silence | None:
    """Return the silence that keeps a change back now: of several the one that ends last."""
    found = [one for one in silences if one.is_active(now) and one.matches(change, account, severity)]
    return max(found, key=lambda one: (one.ends_at, one.silence_id), default=None)


def list_values(change: Change, account: Account, severity: Severity | None = None) -> dict[str, str]:
    """Return what matchers are held against, by their names."""
    return {
        "account": change.key.account_id,
        "merchant": account.merchant,
        "connection": change.key.name,
        "event": change.topic,
        "status": change.status or "",
        "livemode": "true" if account.is_live else "false",
        "severity": severity or assess_severity(change.topic, change.status, account.is_live),
        "case": change.case_id,
    }


def read_matcher(text: str) -> Matcher:
    """Read a matcher such as `connection=vipps|swish` or `account!=P1*`.

    Raises ValueError with a sentence on what was expected, which holds nothing of the text.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("expected name=pattern or name!=pattern, such as account=P12345678")
    name, sign, rest = match[1].lower(), match[2], match[3].strip()
    if name not in NAMES:
        raise ValueError(f"expected one of {', '.join(NAMES)} before the =")
    if rest.startswith("~"):
        raise ValueError("expected a pattern in which * stands for anything, because =~ is not known here")
    if len(rest) > 1 and rest[0] == rest[-1] == '"':
        rest = rest[1:-1]
    patterns = tuple(dict.fromkeys(part.strip() for part in rest.split("|")))
    _check_patterns(name, patterns)
    return Matcher(name, patterns, is_negative=sign == "!=")


def _check_patterns(name: str, patterns: tuple[str, ...]) -> None:
    if not all(patterns):
        raise ValueError(
            f"expected something on each side of every = and | for {name} (* stands for anything)"
        )
    for pattern in patterns:
        if len(pattern) > _MOST_CHARACTERS or not pattern.isprintable():
            raise ValueError(f"expected printable characters for {name}, and no more than {_MOST_CHARACTERS}")
        if not is_sound(pattern):
            raise ValueError(f"expected every [ to have its ] for {name}")
        choices = _CHOICES.get(name, ())
        if choices and pattern not in choices:
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]} for {name}")
