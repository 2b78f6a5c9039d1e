"""How memory and CPU grow with the number of connections, as an SVG written by hand."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from math import log10
from pathlib import Path
from typing import Final

from benchmarks.growth import Growing

PATH: Final = Path(__file__).parents[1] / "docs" / "growth.svg"
BOUND_BYTES: Final = 500

_WIDTH: Final = 420
_HEIGHT: Final = 220
_TOP: Final = 40
_MEBIBYTE: Final = 1024 * 1024


def draw_growth(found: Sequence[Growing]) -> str:
    """Return the picture: resident memory beside its bound, and CPU a poll, over connections."""
    first = found[0]
    sizes = [one.connections for one in found]
    resident = [one.resident_bytes / _MEBIBYTE for one in found]
    bound = [(first.resident_bytes + BOUND_BYTES * (size - first.connections)) / _MEBIBYTE for size in sizes]
    ratios = [one.ratio.median for one in found]
    width, height = 2 * _WIDTH, _TOP + _HEIGHT
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="#333">'
            ),
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            '<text x="12" y="24" font-size="15" font-weight="bold">What more connections take</text>',
            *_draw_chart(0, "resident memory, MiB (grey: 500 bytes a connection)", sizes, [bound, resident]),
            *_draw_chart(_WIDTH, "CPU of an unchanged poll, by a bare loop's", sizes, [ratios], decimals=2),
            "</svg>\n",
        ]
    )


def describe_growth(found: Sequence[Growing]) -> str:
    """Return what the picture shows, for those who do not see it."""
    sizes = _join([f"{one.connections:,}" for one in found])
    slopes = _join([f"{slope:,.0f}" for slope in slopes_bytes(found)])
    ratios = _join([f"{one.ratio.median:.2f}" for one in found])
    return (
        f"Two curves over {sizes} connections: resident memory grows by {slopes} bytes a connection, "
        f"and an unchanged poll takes {ratios} times the CPU of a bare loop's"
    )


def slopes_bytes(found: Sequence[Growing]) -> tuple[float, ...]:
    """Return the bytes for each connection between one size and the next."""
    return tuple(
        (more.resident_bytes - less.resident_bytes) / (more.connections - less.connections)
        for less, more in pairwise(found)
    )


def _join(parts: Sequence[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _draw_chart(
    shift: int, name: str, sizes: Sequence[int], curves: Sequence[Sequence[float]], decimals: int = 0
) -> list[str]:
    left, right, top, bottom = 48, _WIDTH - 24, 22, _HEIGHT - 30
    highest = max(value for curve in curves for value in curve) * 1.1
    low, high = log10(sizes[0]), log10(sizes[-1])

    def place(size: int, value: float) -> tuple[float, float]:
        x = left + (right - left) * (log10(size) - low) / max(high - low, 1e-9)
        return x, bottom - (bottom - top) * value / highest

    parts = [
        f'<g transform="translate({shift} {_TOP})">',
        f'<text x="{left}" y="14" font-weight="bold">{escape(name)}</text>',
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#999"/>',
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">0</text>',
    ]
    for size in sizes:
        x = place(size, 0)[0]
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{size:,}</text>')
    for number, curve in enumerate(curves):
        is_ours = number == len(curves) - 1
        points = [place(*point) for point in zip(sizes, curve, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        stroke = "#1f6feb" if is_ours else "#bbb"
        parts.append(f'<polyline points="{line}" fill="none" stroke="{stroke}" stroke-width="1.5"/>')
        if is_ours:
            parts += [
                f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="middle">{value:,.{decimals}f}</text>'
                for (x, y), value in zip(points, curve, strict=True)
            ]
    return [*parts, "</g>"]
