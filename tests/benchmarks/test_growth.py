"""What many connections and a large partner take is measured on real parts that find nothing new."""

from xml.etree import ElementTree as ET

from benchmarks.growth import measure_growth, measure_walk, slopes_bytes
from benchmarks.plot import draw_growth
from benchmarks.tables import tabulate_growth, tabulate_walk


def test_growth_is_measured_and_drawn() -> None:
    """Each size must be polled, find nothing new, and stand in the table and in the picture."""
    found = measure_growth((50, 100), 0.2)
    assert [one.connections for one in found] == [50, 100]
    assert all(one.polls > 0 and one.cpu_seconds > 0 for one in found)
    assert len(slopes_bytes(found)) == 1
    assert "| 50 |" in tabulate_growth(found).write()
    texts = [one.text for one in ET.fromstring(draw_growth(found)).iter() if one.text]  # noqa: S314
    assert "50" in texts
    assert "100" in texts


def test_a_walk_is_measured() -> None:
    """A partner of some pages must be walked to the end, with every account found unchanged."""
    walking, account_bytes = measure_walk(250)
    assert walking.accounts == 250
    assert walking.cpu_seconds > 0
    assert account_bytes > 1_000
    assert "| 3 | 250 |" in tabulate_walk(walking, account_bytes).write()
