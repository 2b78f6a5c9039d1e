"""The short form of `make soak`: the real program is sampled, and the verdict tells growth from noise.

Whether the program grows cannot be said in so short a time; that is what the long form is for.
"""

import random
from dataclasses import replace
from xml.etree import ElementTree as ET

from tests.soak.__main__ import Outcome, report, soak
from tests.soak.curve import CHARTS, draw
from tests.soak.sampling import Sample
from tests.soak.verdict import MEASURES, find_slope, judge

SECONDS = 12.0
STILL = Sample(0.0, 60.0, 12, 3, 20, 90_000, 1.0, 0.5, 2, 0, 0)


def make_samples(**growth: float) -> tuple[Sample, ...]:
    """Return five minutes of samples with noise, in which some fields grow by so much a minute."""
    chance = random.Random(7)  # noqa: S311 - noise that can be repeated
    return tuple(
        replace(
            STILL,
            at_seconds=second,
            told=int(second * 5),
            database_mib=1.0 + second * 5 * 3 / 1024,
            **{
                name: getattr(STILL, name) * chance.uniform(0.98, 1.02) + growth.get(name, 0.0) * second / 60
                for name in MEASURES
            },
        )
        for second in range(0, 300, 2)
    )


async def test_the_real_program_is_sampled_and_drawn() -> None:
    """Between servers with faults it must live, tell, double nothing and end well, all of it on the curve."""
    outcome = await soak(SECONDS, seed=1, speed=10.0)
    assert (outcome.exit_code, outcome.doubled) == (0, 0), outcome.log
    assert len(outcome.samples) > 5
    first, last = outcome.samples[0], outcome.samples[-1]
    assert last.at_seconds > first.at_seconds
    assert last.told > first.told
    assert last.posts > 0
    for sample in outcome.samples:
        assert 10 < sample.resident_mib < 500
        assert sample.descriptors > 3
        assert sample.threads >= 1
        assert sample.tasks > 0
        assert sample.objects > 1_000
        assert sample.database_mib > 0
    assert len(judge(outcome.samples)) == len(MEASURES) + 1
    drawn = ET.fromstring(draw(outcome.samples, "a <soak>"))  # noqa: S314 - our own
    assert len(drawn.findall("{*}g/{*}polyline")) == len(CHARTS)


def test_what_stays_is_called_flat() -> None:
    """Noise, and a database that grows with what is told, are no growth."""
    verdicts = judge(make_samples())
    assert [one.name for one in verdicts if not one.is_flat] == []


def test_what_grows_is_named() -> None:
    """Growth beyond its bound must be found in every measure, and in none beside it."""
    for field, (name, bound) in MEASURES.items():
        verdicts = judge(make_samples(**{field: 3 * bound + getattr(STILL, field) * 0.02}))
        assert [one.name for one in verdicts if not one.is_flat] == [name]


def test_a_single_spike_is_no_slope() -> None:
    """One wild value among many must not pass for growth."""
    points = [(float(minute), 10.0) for minute in range(20)]
    points[-1] = (19.0, 500.0)
    assert find_slope(points) == 0.0


def test_growth_is_an_exit_code() -> None:
    """Whoever runs it by machine must be told by the exit code."""
    assert report(Outcome(make_samples(), 0, 0, "", "")) == 0
    assert report(Outcome(make_samples(), 1, 0, "", "")) == 1
    assert report(Outcome(make_samples(), 0, 1, "", "")) == 1
    assert report(Outcome(make_samples(objects=9_000.0), 0, 0, "", "")) == 1
