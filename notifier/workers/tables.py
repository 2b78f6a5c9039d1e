"""Procrastinate's own tables: made where there are none, and brought up to date when it has changed.

Its releases come with migrations in two parts: `pre`, which older workers do not mind, and `post`, for when
the last of them has ended: so its package names their files (`procrastinate/sql/migrations`, release 3.10).
What has been applied is noted in the comment on one of the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import psycopg
import structlog
from procrastinate import schema
from psycopg import sql

_log = structlog.get_logger("notifier.worker")

IDLE_SECONDS: Final = 20
"""A worker that stands still over the tables for so long loses its turn: the others wait for it to start."""
_LOCK: Final = "SELECT pg_advisory_xact_lock(7263640137)"
_BOUND: Final = sql.SQL("SET LOCAL idle_in_transaction_session_timeout = {}")
_FIND: Final = "SELECT obj_description(to_regclass('procrastinate_jobs')), to_regclass('procrastinate_jobs')"
_NOTE: Final = sql.SQL("COMMENT ON TABLE procrastinate_jobs IS {}")
_OTHERS: Final = """
SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)
"""
_SPLIT_SINCE: Final = "03"
"""Since this release the migrations have two parts."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The last migration of each part that was applied, by the names of their files."""

    pre: str = ""
    post: str = ""

    @classmethod
    def read(cls, comment: str) -> "Applied":
        """Read the comment; one that is somebody else's says that nothing is known."""
        words = comment.split()
        return cls(words[2], words[4]) if words[:2] == ["notifier:", "pre"] and len(words) == 5 else cls()  # noqa: PLR2004

    def __str__(self) -> str:
        return f"notifier: pre {self.pre} post {self.post}"


async def require_tables(
    parameters: Mapping[str, Any], gone_after_seconds: float, migrations: Traversable | None = None
) -> None:
    """Make Procrastinate's tables, or bring them up to date. Raises psycopg.Error.

    Whoever was not heard of for `gone_after_seconds` is no worker any more. `migrations` is the folder with
    Procrastinate's own, unless a test has others.
    """
    parts = _list(migrations or files("procrastinate.sql") / "migrations")
    newest = Applied(max(parts["pre"], default=""), max(parts["post"], default=""))
    async with await psycopg.AsyncConnection.connect(**parameters) as connection:
        await connection.execute(_BOUND.format(f"{IDLE_SECONDS}s"))
        await connection.execute(_LOCK)
        found = await (await connection.execute(_FIND)).fetchone()
        comment, table = found or (None, None)
        if table is None:
            await connection.execute(schema.SchemaManager.get_schema().encode())
            applied = newest
        elif comment is None:
            # Made by the first version, which noted nothing, and came with these.
            applied = newest
        else:
            applied = await _bring_up_to_date(connection, Applied.read(comment), parts, gone_after_seconds)
        if comment != str(applied):
            await connection.execute(_NOTE.format(str(applied)))


async def _bring_up_to_date(
    connection: psycopg.AsyncConnection[Any],
    applied: Applied,
    parts: Mapping[str, Mapping[str, Traversable]],
    gone_after_seconds: float,
) -> Applied:
    """Apply what is new; what older workers would mind is left for a start at which there are none."""
    pre = await _apply(connection, parts["pre"], applied.pre)
    waiting = [name for name in parts["post"] if name > applied.post]
    if not waiting:
        return Applied(pre, applied.post)
    row = await (await connection.execute(_OTHERS, {"seconds": gone_after_seconds})).fetchone()
    if row and row[0]:
        _log.warning("the tables of jobs are finished at the next start without other workers", count=row[0])
        return Applied(pre, applied.post)
    return Applied(pre, await _apply(connection, parts["post"], applied.post))


async def _apply(
    connection: psycopg.AsyncConnection[Any], scripts: Mapping[str, Traversable], last: str
) -> str:
    for name in sorted(scripts):
        if name > last:
            await connection.execute(scripts[name].read_bytes())
            _log.info("the tables of jobs were changed", migration=name)
            last = name
    return last


def _list(folder: Traversable) -> dict[str, dict[str, Traversable]]:
    """Return the migrations of both parts by the names of their files."""
    scripts = [one for one in folder.iterdir() if one.name.endswith(".sql") and one.name >= _SPLIT_SINCE]
    return {part: {one.name: one for one in scripts if f"_{part}_" in one.name} for part in ("pre", "post")}
