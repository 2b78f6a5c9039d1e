"""What the checks of single values are made of, whatever the value.

A check returns the value in its one normal form, or raises ValueError with "expected …": what would have been
right, never what stood there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import SecretStr

T = TypeVar("T")

TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")


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
