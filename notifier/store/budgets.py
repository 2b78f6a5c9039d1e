"""How many requests each source may be sent, over all workers, by the database's clock."""

from typing import Any, Final

from sqlalchemy import Connection, text

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

_RESERVE: Final = text(
    f"""
    INSERT INTO budgets AS b (source, free_at, held_until)
    VALUES (:source, {_NOW} + :cost, 0)
    ON CONFLICT (source) DO UPDATE SET free_at = greatest(b.free_at, b.held_until, {_NOW}) + :cost
    RETURNING b.free_at - :cost - {_NOW}
    """  # noqa: S608 - what is put in is the constant above
)
"""Puts the end of the source's queue of requests further off; gives the microseconds until our turn."""

_HOLD: Final = text(
    f"""
    INSERT INTO budgets AS b (source, free_at, held_until)
    VALUES (:source, 0, {_NOW} + :wait)
    ON CONFLICT (source) DO UPDATE SET held_until = greatest(b.held_until, excluded.held_until)
    """  # noqa: S608 - as above
)


def reserve(connection: Connection, source: str, cost_seconds: float) -> float:
    """Reserve some time of a source's requests; return the seconds until it begins, none below zero.

    The generic cell rate algorithm: the row holds the instant at which nothing is reserved any more.
    """
    values: dict[str, Any] = {"source": source, "cost": round(cost_seconds * 1_000_000)}
    waits: int = connection.execute(_RESERVE, values).scalar_one()
    return max(0.0, waits / 1_000_000)


def hold(connection: Connection, source: str, seconds: float) -> None:
    """Let nothing of a source be reserved for so long: it has asked to be left alone."""
    connection.execute(_HOLD, {"source": source, "wait": round(seconds * 1_000_000)})
