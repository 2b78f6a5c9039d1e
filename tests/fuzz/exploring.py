"""What is fuzzed, as a value, and how a target is fed until it has had so many inputs."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from time import monotonic, perf_counter
from typing import Any, Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import Batch

_EXAMPLES: Final = 100
_FEWEST: Final = 4
_SHOWN_CHARS: Final = 4_000


@dataclass(frozen=True)
class Target:
    """Something that takes any input.

    `take` returns what became of the input, a word ("value", the name of a typed error); whatever else it
    raises is a finding. `weight` is its share of all inputs. `inputs` are hypothesis examples, each of which
    `unfold` makes one input or several.
    """

    name: str
    weight: int
    inputs: st.SearchStrategy[Any]
    take: Callable[[Any], str]
    unfold: Callable[[Any], Iterable[Any]] = Batch.unfold


@dataclass
class Tally:
    """What a target has had: `outcomes` by kind, `findings` as text, one for each that was found."""

    inputs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what another one had."""
        self.inputs += other.inputs
        self.seconds += other.seconds
        self.outcomes += other.outcomes
        self.findings += other.findings


def explore(target: Target, seed_number: int, inputs: int, until: float = inf) -> Tally:
    """Feed a target at least so many inputs, or up to the first finding; the seed gives the same again.

    What is not fed by `until` (of the machine's monotonic clock) is left out.
    """
    tally = Tally()
    started_at = perf_counter()
    while tally.inputs < inputs and not tally.findings and monotonic() < until:
        # Not one alone: hypothesis begins with the simplest example, which may be no input at all.
        examples = min(_EXAMPLES, _FEWEST + (inputs - tally.inputs) // 4)
        feed = _make_feed(target, seed_number, examples, tally)
        try:
            feed()
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            text = "".join(traceback.format_exception(error))
            tally.findings.append(f"{target.name}, seed {seed_number}:\n{text[-_SHOWN_CHARS:]}")
        seed_number += 1
    tally.seconds = perf_counter() - started_at
    return tally


def _make_feed(target: Target, seed_number: int, examples: int, tally: Tally) -> Callable[[], None]:
    @seed(seed_number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def feed(example: Any) -> None:
        for one in target.unfold(example):
            tally.inputs += 1
            try:
                outcome = target.take(one)
            except Exception as error:
                error.add_note(f"the input: {one!r}"[:_SHOWN_CHARS])
                raise
            tally.outcomes[outcome] += 1

    return feed
