"""The samples as a picture: an SVG with a small chart for each measure, written by hand."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tests.soak.sampling import Sample

CHARTS: Final = {
    "resident_mib": "resident memory, MiB",
    "objects": "objects of Python's",
    "descriptors": "open file descriptors",
    "tasks": "asyncio tasks",
    "database_mib": "database, MiB (grows with what is told)",
    "wal_mib": "write-ahead log, MiB",
    "open": "notifications that wait",
    "told": "notifications told",
}

WIDTH: Final = 420
HEIGHT: Final = 150
_COLUMNS: Final = 2
_MARGIN: Final = 44
_TOP: Final = 56


def draw(samples: Sequence[Sample], title: str) -> str:
    """Return the picture; the second half of each chart, which is judged, is shaded."""
    rows = -(-len(CHARTS) // _COLUMNS)
    width, height = _COLUMNS * WIDTH, _TOP + rows * HEIGHT
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="#333">'
        ),
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
        '<text x="12" y="42" fill="#777">time in minutes; the shaded half is judged</text>',
    ]
    for place, (field, name) in enumerate(CHARTS.items()):
        row, column = divmod(place, _COLUMNS)
        parts.append(f'<g transform="translate({column * WIDTH} {_TOP + row * HEIGHT})">')
        parts += _draw_chart([(one.at_seconds / 60, float(getattr(one, field))) for one in samples], name)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _draw_chart(points: Sequence[tuple[float, float]], name: str) -> list[str]:
    left, right, top, bottom = _MARGIN, WIDTH - 16, 22, HEIGHT - 26
    last = max(points[-1][0], 1e-9)
    # From zero: a curve that is cut off at its foot would make a mountain of every molehill.
    highest = max(*(value for _, value in points), 1e-9) * 1.1

    def place(minutes: float, value: float) -> tuple[float, float]:
        return left + (right - left) * minutes / last, bottom - (bottom - top) * max(value, 0.0) / highest

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    middle = place(points[len(points) // 2][0], 0.0)[0]
    return [
        f'<text x="{left}" y="14" font-weight="bold">{escape(name)}</text>',
        (
            f'<rect x="{middle:.1f}" y="{top}" width="{right - middle:.1f}" height="{bottom - top}" '
            'fill="#f2f5f9"/>'
        ),
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#999"/>',
        f'<text x="{left - 4}" y="{top + 8}" text-anchor="end">{_say(highest / 1.1)}</text>',
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">0</text>',
        f'<text x="{right}" y="{bottom + 14}" text-anchor="end">{last:.1f}</text>',
        f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>',
        f'<text x="{right}" y="14" text-anchor="end">{_say(points[-1][1])}</text>',
    ]


def _say(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:,.4g}"
