"""Inputs near the valid ones: samples, and what becomes of them when a seed damages them.

A batch is one example of hypothesis: a whole input, and the seeds of further ones made of it. Hypothesis
shrinks it to the one seed that matters; a damaged input is the same in every process.
"""

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

MOST_SEEDS: Final = 12

_DEEP: Final = "[" * 3_000 + "]" * 3_000

ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 2**63, 10**400, 1.5, 1e308, float("nan"), float("-inf"), "", " ", "0", "nan",
    "\x00", "\ud83d", "\udc00", "\u202e", "\u2028", "😀" * 2_000, "x" * 30_000, "e" + "\u0301" * 500,
    "<!channel>", "<https://evil.example|Sign>", "*x* _y_ ~z~ `q` :smile: &lt; @here #general",
    "https://sign.example/x|y>z", "javascript:alert(1)", "HTTPS://user@sign.example/", "https://[::1", "https://",
    "2024-02-30", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2024-01-01T24:00:00Z",
    "2024-W01-1", "20240101T000000", "pending", "enabled", "failed", "declined", "signature_required",
    "withdrawn", "applied", "payex", "P12345678", "T1", [], {}, [None], {"": None}, {"id": "e1"},
    [{"id": "e1", "status": "failed"}] * 3, {"signature_link": {"url": "https://sign.example"}},
)  # fmt: skip

ODD_BYTES: Final = (
    b"", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"\\udc00", b"\\u0000", b'"', b"\\", b"{", b"}", b"[",
    b"]", b",", b":", b"null", b"NaN", b"-", b"1e999", b"-0", b"9" * 400, b"\n", b"<html>", _DEEP.encode(),
    b"=", b"#",
    b"'''", b'"""', b"[[x]]", b"[x]", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae",
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """A whole input and the seeds of those that are made of it; `others` are whole ones to take pieces of."""

    whole: bytes
    seeds: list[int] = field(default_factory=list)
    others: tuple[bytes, ...] = field(default=(), repr=False)

    def unfold(self) -> list[bytes]:
        """Return every input of the batch."""
        return [self.whole, *(damage(self.whole, repeatable(seed), self.others) for seed in self.seeds)]


def repeatable(seed: int) -> random.Random:
    """Return what draws the same for the same seed."""
    return random.Random(seed)  # noqa: S311 - nothing is kept secret by it


def batch(bases: st.SearchStrategy[bytes], others: tuple[bytes, ...] = ()) -> st.SearchStrategy[Batch]:
    """Draw batches on some bases."""
    seeds = st.lists(st.integers(0, 2**32 - 1), max_size=MOST_SEEDS)
    return st.builds(Batch, bases, seeds, st.just(others))


def damage(whole: bytes, chance: random.Random, others: tuple[bytes, ...] = ()) -> bytes:
    """Return an input with a few things changed: in its values where it is JSON, or in its bytes."""
    damaged = whole
    if chance.random() < 0.75:
        damaged = _change_values(damaged, chance)
    if damaged == whole or chance.random() < 0.15:
        for _ in range(chance.choice((1, 1, 2, 4))):
            damaged = chance.choice(_BYTE_CHANGES)(damaged, chance, others)
    return damaged


def _change_values(whole: bytes, chance: random.Random) -> bytes:
    try:
        value = json.loads(whole)
    except (ValueError, RecursionError):
        return whole
    root = [value]
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        _change_one(root, chance)
    try:
        return json.dumps(root[0], ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    except RecursionError:
        return whole


def _change_one(root: list[Any], chance: random.Random) -> None:
    """Change one place: put another value there, take it away, copy it, or call it something else."""
    holder: Any = root
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.85:
        holder = holder[key]
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    match chance.randrange(5):
        case 0 if holder is not root:
            del holder[key]
        case 1 if isinstance(holder, list) and holder is not root:
            holder.extend(copy.deepcopy(holder[key]) for _ in range(chance.choice((1, 2, 20))))
        case 1 if isinstance(holder, dict):
            holder[_call(chance)] = copy.deepcopy(holder[key])
        case 2 if isinstance(holder, dict):
            holder[_call(chance)] = holder.pop(key)
        case 3:
            holder[key] = [holder[key]] if chance.random() < 0.5 else {_call(chance): holder[key]}
        case _:
            holder[key] = copy.deepcopy(chance.choice(ODD_VALUES))


def _call(chance: random.Random) -> str:
    odd = [one for one in ODD_VALUES if isinstance(one, str)]
    return chance.choice(
        [*odd, "id", "status", "event", "events", "signups", "metadata", "connections", "ok", "ts"]
    )


def _insert(whole: bytes, chance: random.Random, _others: tuple[bytes, ...]) -> bytes:
    place = chance.randint(0, len(whole))
    return whole[:place] + chance.choice(ODD_BYTES) + whole[place:]


def _drop(whole: bytes, chance: random.Random, _others: tuple[bytes, ...]) -> bytes:
    place = chance.randint(0, len(whole))
    return whole[:place] + whole[place + chance.choice((1, 1, 4, 40)) :]


def _flip(whole: bytes, chance: random.Random, _others: tuple[bytes, ...]) -> bytes:
    place = chance.randrange(len(whole) or 1)
    return whole[:place] + bytes([chance.randrange(256)]) + whole[place + 1 :]


def _repeat(whole: bytes, chance: random.Random, _others: tuple[bytes, ...]) -> bytes:
    start = chance.randint(0, len(whole))
    piece = whole[start : start + chance.choice((1, 8, 60))]
    return whole[:start] + piece * chance.choice((2, 3, 50)) + whole[start:]


def _cut(whole: bytes, chance: random.Random, _others: tuple[bytes, ...]) -> bytes:
    return whole[: chance.randint(0, len(whole))]


def _splice(whole: bytes, chance: random.Random, others: tuple[bytes, ...]) -> bytes:
    other = chance.choice(others) if others else whole
    start = chance.randint(0, len(other))
    place = chance.randint(0, len(whole))
    return whole[:place] + other[start : start + 80] + whole[place:]


_BYTE_CHANGES: Final[tuple[Callable[[bytes, random.Random, tuple[bytes, ...]], bytes], ...]] = (
    _insert, _drop, _flip, _repeat, _cut, _splice,
)  # fmt: skip
