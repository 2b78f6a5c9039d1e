"""What many connections and a large partner take is measured on real parts that find nothing new."""

from xml.etree import ElementTree as ET

from benchmarks.growing import Lap
from benchmarks.growth import Growing, Turn, measure_growth, measure_walk
from benchmarks.plot import describe_growth, draw_growth, slopes_bytes
from benchmarks.tables import tabulate_growth, tabulate_walk


def test_growth_is_measured_and_drawn() -> None:
    """Each size must be polled, find nothing new, and stand in the table and in the picture."""
    found = measure_growth((50, 100), 1)
    assert [one.connections for one in found] == [50, 100]
    assert all(one.polls > 0 and one.micros > 0 and one.bare_micros > 0 for one in found)
    assert len(slopes_bytes(found)) == 1
    assert "| 50 |" in tabulate_growth(found).write()
    texts = [one.text for one in ET.fromstring(draw_growth(found)).iter() if one.text]  # noqa: S314
    assert "50" in texts
    assert "100" in texts


def test_the_picture_is_described_by_its_figures() -> None:
    """Who cannot see the picture must be told what it shows, and nothing that it does not."""
    found = [
        Growing(1_000, 1_000_000, (Turn(Lap(10, 0.003), Lap(10, 0.003)),)),
        # The machine is half as fast in the last turn, and something else came between in the second.
        Growing(
            2_000,
            1_350_000,
            (
                Turn(Lap(10, 0.0033), Lap(20, 0.006)),
                Turn(Lap(10, 0.0090), Lap(10, 0.003)),
                Turn(Lap(20, 0.0126), Lap(10, 0.006)),
            ),
        ),
    ]
    assert describe_growth(found) == (
        "Two curves over 1,000 and 2,000 connections: resident memory grows by 350 bytes a connection, "
        "and an unchanged poll takes 1.00 and 1.10 times the CPU of a bare loop's"
    )


def test_a_walk_is_measured() -> None:
    """A partner of some pages must be walked to the end, with every account found unchanged."""
    walking, account_bytes = measure_walk(250)
    assert walking.accounts == 250
    assert walking.cpu_seconds > 0
    assert account_bytes > 1_000
    assert "| 3 | 250 |" in tabulate_walk(walking, account_bytes).write()
