"""What columns are made of: an instant, a row's number, and the one list of tables that all belong to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as whole microseconds since 1970 in UTC; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy passes it
        """Return the microseconds of an instant."""
        return _write_instant(value)

    def bind_processor(
        self,
        dialect: Dialect,  # noqa: ARG002 - as above
    ) -> Callable[[datetime | None], int | None]:
        """Return what writes a value directly, without a second call: statements are full of them."""
        return _write_instant

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """Return the instant of some microseconds."""
        return _read_instant(value)

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002 - as above
        coltype: object,  # noqa: ARG002 - as above
    ) -> Callable[[Any], datetime | None]:
        """Return what reads a value directly, as rows are full of them too."""
        return _read_instant


def _write_instant(value: datetime | None) -> int | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive date-time cannot be kept: it names no instant")
    return (value - _EPOCH) // _MICROSECOND


def _read_instant(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + value * _MICROSECOND


ROW_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives: SQLite's INTEGER has 64 bits, and must be called so to be given."""

metadata = MetaData()
"""Every table of ours; Alembic compares them with what it finds."""
