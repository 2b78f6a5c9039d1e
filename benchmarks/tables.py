"""The figures as tables: for a terminal, and for Markdown."""

from dataclasses import dataclass
from statistics import median

from benchmarks.alternating import Comparison, Spread
from benchmarks.digests import Flood
from benchmarks.growth import Growing, LargeStart
from benchmarks.latency import Latency
from benchmarks.memory import Footprint, slope_bytes
from benchmarks.plot import slopes_bytes
from benchmarks.start import Import, Start
from benchmarks.walking import Walking

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a row of names, rows of figures, and what has to be said to them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()

    def draw(self) -> str:
        """Return it for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.columns, *self.rows)
        ]
        return "\n".join(
            [self.title, *(f"  {line}" for line in lines), *(f"  {one}" for one in self.remarks)]
        )

    def write(self) -> str:
        """Return it as Markdown."""
        rows = (self.columns, ("---",) * len(self.columns), *self.rows)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        remarks = [text for remark in self.remarks for text in ("", remark)]
        return "\n".join([f"### {self.title}", "", *lines, *remarks])


def tabulate_comparisons(title: str, unit: str, found: tuple[Comparison, ...], goal: str) -> Table:
    """Show what the product and the bare loop used for each unit."""
    bound = ", ".join(one.subject for one in found if one.is_server_bound)
    busy = (
        f"The server bounded the throughput of: {bound}." if bound else "The server was never the bottleneck."
    )
    return Table(
        title,
        (
            "what",
            "CPU ratio",
            f"CPU a {unit}, product",
            "bare",
            f"{unit}s a second, product",
            "bare",
            "server busy, product",
            "bare",
        ),
        tuple(_row(one) for one in found),
        (goal, busy),
    )


def tabulate_digests(found: tuple[Flood, ...]) -> Table:
    """Show what many signups at once come to, as digests and singly."""
    return Table(
        "Many new signups for one channel at once",
        ("how", "signups", "requests to Slack", "429s", "seconds", "CPU", "CPU a signup"),
        tuple(
            (
                one.way,
                f"{one.cases:,}",
                f"{one.requests:,}",
                f"{one.refused:,}",
                f"{one.seconds:.1f} s",
                f"{one.cpu_seconds:.2f} s",
                f"{one.cpu_seconds / one.cases * 1e6:,.0f} µs",
            )
            for one in found
        ),
    )


def tabulate_memory(found: tuple[Footprint, ...]) -> Table:
    """Show what the program held after a full round."""
    slopes = ", ".join(
        f"{slope_bytes(found, way):,.0f} bytes ({way})" for way in dict.fromkeys(one.way for one in found)
    )
    return Table(
        "Memory of the program after a full first round",
        ("how they are read", "connections", "resident", "first round", "CPU of it"),
        tuple(
            (
                one.way,
                f"{one.connections:,}",
                f"{one.resident_bytes / MEBIBYTE:.1f} MiB",
                f"{one.seconds:.1f} s",
                f"{one.cpu_seconds:.1f} s",
            )
            for one in found
        ),
        ("Target: under 150 MiB for 10,000 connections.", f"A watched connection takes {slopes}."),
    )


def tabulate_growth(found: tuple[Growing, ...]) -> Table:
    """Show what an unchanged poll and a watched connection take, however many there are."""
    slopes = ", ".join(f"{slope:,.0f}" for slope in slopes_bytes(found))
    return Table(
        "Growth: unchanged polls of many connections that are known",
        ("connections", "resident", "polls measured", "CPU ratio", "CPU a poll", "bare"),
        tuple(
            (
                f"{one.connections:,}",
                f"{one.resident_bytes / MEBIBYTE:.1f} MiB",
                f"{one.polls:,}",
                f"{one.ratio.median:.2f} ({one.ratio.low:.2f}–{one.ratio.high:.2f})",
                f"{one.micros:,.0f} µs",
                f"{one.bare_micros:,.0f} µs",
            )
            for one in found
        ),
        (
            "Aim: at most 500 bytes a connection; slopes, and CPU ratios, within 20 % of each other.",
            f"Bytes a connection from one size to the next: {slopes}.",
        ),
    )


def tabulate_walk(found: Walking, account_bytes: int) -> Table:
    """Show what a walk through a large partner takes in which nothing has changed."""
    return Table(
        "A walk through a large partner, all of it found unchanged",
        ("pages", "accounts", "bytes an account", "CPU", "time", "most memory ever"),
        (
            (
                f"{-(-found.accounts // 100):,}",
                f"{found.accounts:,}",
                f"{account_bytes:,}",
                f"{found.cpu_seconds:.1f} s",
                f"{found.wall_seconds:.1f} s",
                f"{found.peak_bytes / MEBIBYTE:.0f} MiB",
            ),
        ),
        ("Aim: 1,000 pages within 60 s of one core and 250 MiB.",),
    )


def tabulate_large_start(found: LargeStart) -> Table:
    """Show how long a start with many known connections takes."""
    return Table(
        "From exec to the first poll with many known connections",
        ("connections", "first poll", "CPU by then"),
        ((f"{found.connections:,}", _seconds(found.poll), _seconds(found.cpu)),),
        ("Aim: under 3 s with 100,000.",),
    )


def tabulate_start(found: tuple[Start, ...]) -> Table:
    """Show how long the program takes until it asks."""
    return Table(
        "From exec to the wire, compiled bytecode",
        ("store", "first contact (token)", "first poll", "CPU"),
        tuple((one.store, _seconds(one.contact), _seconds(one.poll), _seconds(one.cpu)) for one in found),
        ("Target: the first poll within 1 s.",),
    )


def tabulate_latency(found: Latency) -> Table:
    """Show how long a change takes to Slack."""
    seconds = found.seconds
    return Table(
        "From the last byte of the poll that saw a change to Slack's receipt, unloaded",
        ("changes", "median", "99th percentile", "least", "greatest"),
        (
            (
                str(found.changes),
                _millis(seconds.median),
                _millis(found.percentile_99_seconds),
                _millis(seconds.low),
                _millis(seconds.high),
            ),
        ),
        ("Aim: 10 ms at the median, 50 ms at the 99th percentile.",),
    )


def tabulate_imports(found: tuple[Import, ...]) -> Table:
    """Show what is imported longest."""
    return Table(
        "What `notifier run` imports longest (-X importtime; each with all that it is the first to import)",
        ("module", "time"),
        tuple((one.module, _millis(one.seconds)) for one in found),
    )


def _row(one: Comparison) -> tuple[str, ...]:
    return (
        one.subject,
        f"{one.ratio.median:.2f} ({one.ratio.low:.2f}–{one.ratio.high:.2f})",
        *(f"{median(lap.unit_micros for lap in laps):,.0f} µs" for laps in (one.ours, one.bare)),
        *(f"{median(lap.units_per_second for lap in laps):,.0f}" for laps in (one.ours, one.bare)),
        *(f"{median(lap.server_share for lap in laps):.0%}" for laps in (one.ours, one.bare)),
    )


def _seconds(spread: Spread) -> str:
    return f"{spread.median:.2f} s ({spread.low:.2f}–{spread.high:.2f})"


def _millis(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
