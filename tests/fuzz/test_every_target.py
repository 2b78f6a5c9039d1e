"""The short form of `make fuzz`: every target takes some inputs, and the search finds what is wrong."""

import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import strategies as st

from tests.fuzz.catalogue import TARGETS
from tests.fuzz.exploring import Target, explore
from tests.fuzz.mutation import batch

INPUTS = 8
"""So many for each share that a target has."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name.replace(" ", "-"))
def test_a_target_takes_any_input(target: Target) -> None:
    """Whatever comes in, a value or a typed error comes out."""
    tally = explore(target, seed_number=1, inputs=INPUTS * target.weight)
    assert tally.findings == []
    assert tally.inputs >= INPUTS * target.weight
    assert sum(tally.outcomes.values()) == tally.inputs


def test_the_long_form_runs_in_processes_of_its_own() -> None:
    """`make fuzz` must feed what was asked for on every core, say so by target, and end well."""
    command = (sys.executable, "-m", "tests.fuzz", "--inputs", "30", "--seed", "1")
    chosen = ("--target", "slack headers", "--target", "slack history")
    ran = subprocess.run(
        (*command, *chosen), cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "findings: 0" in ran.stdout
    for name in chosen[1::2]:
        assert f"\n{name} " in ran.stdout


@pytest.mark.parametrize("inputs", [1, 2, 3, 5])
def test_the_search_ends_with_a_target_whose_simplest_example_is_no_input(inputs: int) -> None:
    """A last few inputs must be found where an example may hold none, or the search would never end."""
    target = Target("lists", 1, st.lists(st.integers(), max_size=8), lambda _: "value", iter)
    assert explore(target, 1, inputs, until=monotonic() + 30).inputs >= inputs


def test_the_search_ends_when_its_time_is_over() -> None:
    """What comes after the time is not fed, however much was asked for."""
    assert explore(TARGETS[0], 1, 10_000, until=monotonic()).inputs == 0


def test_the_search_finds_a_fault_and_names_the_input() -> None:
    """A target that fails on a rare input must be caught, or the search would prove nothing."""

    def take(body: bytes) -> str:
        if b"null" in body:
            raise ZeroDivisionError
        return "value"

    tally = explore(Target("broken", 1, batch(st.just(b'{"a": [1, {"b": 2}]}')), take), 1, 3_000)
    assert len(tally.findings) == 1
    assert "ZeroDivisionError" in tally.findings[0]
    assert "null" in tally.findings[0]
