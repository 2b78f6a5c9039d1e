r"""The plan of faults that the sandbox's servers cause, on request or at random.

A `Fault` says what happens to which request; `Faults` is the ordered plan that a
server consults once for each request. Both are plain values: nothing here does
input or output (`notifier.sandbox.causing` does).

    faults.add(answer(429, retry_after_seconds=2).on("GET", r"/management/accounts$"))
    faults.add(reset(after_effect=True).on("POST", r"chat\.postMessage", times=1, after=3))
    faults = Faults.random(seed=7, rates={"500": 0.05, "reset_after": 0.02})
"""

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from notifier.sandbox.fault_kinds import Fault, catalogue


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """Faults drawn from a seed.

    A draw depends on the seed, the method, the path without its query and how often
    that path was asked, and on nothing else: the n-th request to a path meets the same
    fault however requests to other paths fall between.

    Attributes:
        seed: any number; print it to replay a run.
        rates: probability (0–1) by name; the names are `faults`' keys, the sum is at most 1.
        faults: what each name does.
        path: regular expression; only requests that match take part.
    """

    seed: int
    rates: Mapping[str, float]
    faults: Mapping[str, Fault]
    path: str = ""

    def __post_init__(self) -> None:
        """Refuse names that nothing defines, and rates that are no probabilities."""
        if unknown := set(self.rates) - set(self.faults):
            msg = f"unknown fault names: {sorted(unknown)}; known: {sorted(self.faults)}"
            raise ValueError(msg)
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            msg = "rates are probabilities: none below 0, and together at most 1"
            raise ValueError(msg)

    def draw(self, method: str, path: str, nth: int) -> str | None:
        """Return the name of the fault for the nth request to this path, or None."""
        if re.search(self.path, path) is None:
            return None
        drawn = random.Random(f"{self.seed} {method} {path} {nth}").random()  # noqa: S311 - can be repeated
        for name, rate in self.rates.items():
            if drawn < rate:
                return name
            drawn -= rate
        return None


class Faults:
    """The plan that a server consults; it may be changed while the server runs.

    Planned faults come first, in the order in which they were added; a request that none
    of them takes may meet a random one.

    Attributes:
        caused: how many faults were caused, by `Kind`.
        drawn: how many random faults were caused, by the name in the rates.
    """

    def __init__(self, *planned: Fault, at_random: RandomFaults | None = None) -> None:
        """Start with these planned faults, and perhaps random ones."""
        self.caused: Counter[str] = Counter()
        self.drawn: Counter[str] = Counter()
        self.at_random = at_random
        self._planned: list[_Planned] = []
        self._asked: Counter[tuple[str, str]] = Counter()
        for fault in planned:
            self.add(fault)

    @classmethod
    def random(
        cls,
        seed: int,
        rates: Mapping[str, float],
        *,
        path: str = "",
        faults: Mapping[str, Fault] | None = None,
    ) -> "Faults":
        """Return a plan of random faults; `faults` adds to or replaces the catalogue's."""
        known = {**catalogue(), **(faults or {})}
        return cls(at_random=RandomFaults(seed, dict(rates), known, path))

    def add(self, *faults: Fault) -> None:
        """Append faults to the plan."""
        self._planned.extend(_Planned(fault, fault.after, fault.times) for fault in faults)

    def clear(self) -> None:
        """Cause nothing from now on; what was caused stays counted."""
        self._planned.clear()
        self.at_random = None

    def due(self, method: str, path: str) -> Fault | None:
        """Return the fault for this request (path with its query string), if there is one."""
        if not self._planned and self.at_random is None:
            return None
        fault = self._due_by_plan(method, path) or self._due_by_chance(method, path)
        if fault is not None:
            self.caused[fault.kind.value] += 1
        return fault

    def _due_by_plan(self, method: str, path: str) -> Fault | None:
        for planned in self._planned:
            if planned.is_spent or not planned.fault.is_for(method, path):
                continue
            if planned.to_pass > 0:
                planned.to_pass -= 1
                continue
            if planned.left is not None:
                planned.left -= 1
            return planned.fault
        return None

    def _due_by_chance(self, method: str, path: str) -> Fault | None:
        if self.at_random is None:
            return None
        bare = path.partition("?")[0]
        self._asked[method, bare] += 1
        name = self.at_random.draw(method, bare, self._asked[method, bare])
        if name is None:
            return None
        self.drawn[name] += 1
        return self.at_random.faults[name]


@dataclass(slots=True)
class _Planned:
    """A planned fault with what is left of it."""

    fault: Fault
    to_pass: int
    left: int | None

    @property
    def is_spent(self) -> bool:
        return self.left is not None and self.left <= 0
