"""Keeps workers and those who have to be alone on a database apart: `notifier run --once` is one of these.

Whoever wants to be alone takes a lock first, and then counts the workers. A worker is counted first, and then
looks at the lock. So at least one of the two sees the other, whoever is faster.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg

from notifier.errors import StoreUnavailable

_KEY: Final = 0x646E746F

FIND_OUT: Final = f"SELECT pg_try_advisory_xact_lock_shared({_KEY}) AS is_free"
"""Whether nobody is alone on the database; in a transaction of its own it holds nobody up."""
HELD: Final = "a `notifier run --once` works on this store: this worker does nothing before that has ended"

_RESERVE: Final = f"SELECT pg_try_advisory_lock({_KEY})"
_COUNT_WORKERS: Final = """
SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)
"""


@asynccontextmanager
async def reserved(parameters: Mapping[str, Any]) -> AsyncIterator[bool]:
    """Hold what only one process can hold at a time; False where another one has it.

    Raises StoreUnavailable.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        raise StoreUnavailable(f"the workers cannot be counted: {type(error).__name__}") from error
    try:
        row = await (await connection.execute(_RESERVE)).fetchone()
        yield bool(row and row[0])
    finally:
        await connection.close()


async def count_workers(parameters: Mapping[str, Any], seconds: float) -> int:
    """Return how many of Procrastinate's workers were heard of within so many seconds.

    Raises StoreUnavailable.
    """
    try:
        async with await psycopg.AsyncConnection.connect(**parameters) as connection:
            found = await (await connection.execute("SELECT to_regclass('procrastinate_workers')")).fetchone()
            if found is None or found[0] is None:
                return 0
            row = await (await connection.execute(_COUNT_WORKERS, {"seconds": seconds})).fetchone()
    except psycopg.Error as error:
        raise StoreUnavailable(f"the workers cannot be counted: {type(error).__name__}") from error
    return int(row[0]) if row else 0
