"""What was measured of workers, as tables."""

from math import inf
from typing import Final

from benchmarks.tables import MEBIBYTE, Table
from benchmarks.usage import Use
from benchmarks.workers import CHANNELS, Labour

_REMARK: Final = (
    "Workers, PostgreSQL (which syncs its disk) and the servers share {} cores: where two workers have no "
    "core each, what they do a second is this machine's, and only CPU can be carried over to others."
)


def tabulate_workers(found: Labour, cores: int) -> tuple[Table, ...]:
    """Show what workers did, what each piece took of them and of PostgreSQL, and what kept them from more."""
    one, two = found.crews
    rows = (
        ("polls, one worker", one.polls, one.demand),
        ("polls, two workers", two.polls, two.demand),
        ("jobs that find nothing, one worker", one.jobs, inf),
        ("jobs that find nothing, two workers", two.jobs, inf),
        ("pages of a partner, one worker", found.pages, 0.0),
        (f"messages to {CHANNELS} channels, one worker", found.messages, 0.0),
    )
    return (
        Table(
            "Workers on one PostgreSQL",
            ("what", "a second", "CPU each, workers", "PostgreSQL", "bound by"),
            tuple(_row(*row, cores) for row in rows),
            (_REMARK.format(cores),),
        ),
        Table(
            "What workers and their database keep",
            ("what", "bytes"),
            (
                ("resident memory of a worker without accounts", f"{found.worker_bytes / MEBIBYTE:.1f} MiB"),
                ("of it, for each connection that it watches", f"{found.connection_bytes:,.0f}"),
                ("database, for each watched connection of an account", f"{found.mark_bytes:,.0f}"),
                ("database, for each change that was told", f"{found.case_bytes:,.0f}"),
            ),
        ),
    )


def _row(what: str, use: Use, demand: float, cores: int) -> tuple[str, ...]:
    return (
        what,
        f"{use.a_second:,.0f}",
        f"{use.worker_seconds * 1000:,.2f} ms",
        f"{use.database_seconds * 1000:,.2f} ms",
        use.name_bound(demand, cores),
    )
