"""What came of it, as tables: the product and the others in the same columns, and what the figures mean."""

from collections.abc import Sequence

from benchmarks.peers.rivals import BUSY_CASES, BUSY_SECONDS, BUSY_WAIT_SECONDS, Busy, Skipped, Told, Watched
from benchmarks.tables import MEBIBYTE, Table


def tabulate_telling(found: Sequence[Told | Skipped], messages: int, singles: int) -> Table:
    """Show speed, latency and memory of those who tell Slack."""
    return Table(
        "Telling Slack",
        ("program", "messages a second", "CPU a message", "median", "99th percentile", "resident"),
        tuple(map(_tell, found)),
        (
            f"{messages:,} messages at once; then {singles} one by one, timed to the arrival of the message.",
            "From: the post of the alert (Alertmanager), or the last byte of the answer with the change.",
        ),
    )


def tabulate_crashes(found: Sequence[Told | Skipped]) -> Table:
    """Show what `kill -9` in the middle cost."""
    rows: list[tuple[str, ...]] = []
    for one in found:
        if isinstance(one, Skipped):
            rows.append(_skip(one, 5))
            continue
        rows += [
            (one.program, how, str(losses.cases), str(losses.lost), str(losses.doubled))
            for how, losses in one.crashes
        ]
    return Table(
        "Killed with -9 when half of the messages had arrived, and started again on the same data",
        ("program", "after the restart", "messages", "lost", "doubled"),
        tuple(rows),
    )


def tabulate_busy(found: Sequence[Told | Skipped]) -> Table:
    """Show what a Slack that refuses does to them."""
    rows = [
        _skip(one, 4) if isinstance(one, Skipped) else (one.program, *_draw_busy(one.busy))
        for one in found
        if isinstance(one, Skipped) or one.busy is not None
    ]
    return Table(
        f"Slack answers 429 with Retry-After for {BUSY_SECONDS:.0f} s, while {BUSY_CASES} messages are due",
        ("program", "posts refused", f"told within {BUSY_WAIT_SECONDS:.0f} s", "the last, after it was over"),
        tuple(rows),
        (
            "Alertmanager takes 429 as final; it tries again with the group's next interval, here 10 s.",
            "Its default is 5 minutes.",
        ),
    )


def tabulate_watching(found: Sequence[Watched | Skipped]) -> Table:
    """Show what watching costs, and how long a change takes."""
    return Table(
        "Watching what does not change",
        (
            "program",
            "watched",
            "checks a second",
            "CPU a check",
            "resident",
            "change to message, median",
            "greatest",
        ),
        tuple(map(_watch, found)),
        ("Timed from the last byte of the answer with the change to the arrival of its message.",),
    )


def _tell(one: Told | Skipped) -> tuple[str, ...]:
    if isinstance(one, Skipped):
        return _skip(one, 6)
    return (
        one.program,
        f"{one.burst.rate:,.0f}",
        _millis(one.burst.cpu_seconds),
        _millis(one.delay.median),
        _millis(one.delay.percentile_99),
        _mebibytes(one.burst.resident_bytes),
    )


def _watch(one: Watched | Skipped) -> tuple[str, ...]:
    if isinstance(one, Skipped):
        return _skip(one, 7)
    return (
        one.program,
        f"{one.watches:,}",
        f"{one.checks_per_second:,.0f}",
        _millis(one.cpu_seconds),
        _mebibytes(one.resident_bytes),
        _millis(one.delay.median),
        _millis(one.delay.greatest),
    )


def _draw_busy(busy: Busy | None) -> tuple[str, str, str]:
    if busy is None:
        return ("–", "–", "–")
    after = "–" if busy.seconds is None else f"{busy.seconds:.1f} s"
    return (str(busy.refused), f"{busy.told} of {BUSY_CASES}", after)


def _skip(one: Skipped, columns: int) -> tuple[str, ...]:
    return (one.program, f"skipped: {one.reason}", *["–"] * (columns - 2))


def _millis(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def _mebibytes(count: int) -> str:
    return f"{count / MEBIBYTE:.0f} MiB"
