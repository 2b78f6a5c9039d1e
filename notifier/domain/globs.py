"""Patterns in which `*` stands for anything, as routes and silences have them."""

import re
from fnmatch import translate
from functools import lru_cache


def is_match(pattern: str, value: str) -> bool:
    """Whether a pattern stands for a value as a whole, case and all."""
    return _compile(pattern).match(value) is not None


def is_any(patterns: tuple[str, ...], value: str) -> bool:
    """Whether one of the patterns stands for a value; none at all stand for everything."""
    return not patterns or any(is_match(pattern, value) for pattern in patterns)


def is_sound(pattern: str) -> bool:
    """Whether every `[` in a pattern has its `]`: without it, it would mean itself, which nobody means."""
    rest = pattern
    while (start := rest.find("[")) >= 0:
        # A ] right behind the [, or behind its !, belongs to the set.
        first = start + (3 if rest[start + 1 : start + 2] == "!" else 2)
        end = rest.find("]", first)
        if end < 0:
            return False
        rest = rest[end + 1 :]
    return True


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
