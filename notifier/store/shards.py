"""The shards: what is to be polled when, and what the last pass over it left for the next."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from notifier.domain.shards import Marks, Shard
from notifier.store import tables


class Shards:
    """The shards inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan(self, shards: Sequence[Shard], now: datetime) -> tuple[int, int]:
        """Have these shards and no others; return how many are new, and how many were retired.

        One that stays keeps its time and its marks; one in which something else is asked for is due at once.
        """
        table = tables.shards
        query = select(table.c.shard_id, table.c.digest)
        known = dict(self._connection.execute(query).all())
        wanted = {shard.shard_id: shard for shard in shards}
        new = [shard for shard in shards if shard.shard_id not in known]
        gone = [shard_id for shard_id in known if shard_id not in wanted]
        if new:
            rows = [
                {
                    "shard_id": shard.shard_id,
                    "source": shard.source,
                    "digest": shard.digest,
                    "next_at": now,
                    "version": 0,
                    "marks": b"",
                }
                for shard in new
            ]
            self._connection.execute(table.insert(), rows)
        for shard_id, shard in wanted.items():
            if known.get(shard_id, shard.digest) != shard.digest:
                changed = update(table).where(table.c.shard_id == shard_id)
                # Whoever reads it now reads by settings that are no more, and must not record it.
                anew = {"digest": shard.digest, "next_at": now, "version": table.c.version + 1}
                self._connection.execute(changed.values(**anew))
        for shard_id in gone:
            self._connection.execute(delete(table).where(table.c.shard_id == shard_id))
        return len(new), len(gone)

    def list_due(self, now: datetime) -> list[str]:
        """Return the shards whose time has come, the one that has waited longest first."""
        table = tables.shards
        due = select(table.c.shard_id).where(table.c.next_at <= now).order_by(table.c.next_at)
        return list(self._connection.execute(due).scalars())

    def take(self, shard_id: str, digest: str) -> Marks | None:
        """Begin a pass over a shard, which ends all earlier ones.

        None, and nothing is changed, where the shard was retired or something else is asked for in it.

        It takes the marks with it: what a pass has recorded that leaves none may differ from what earlier
        ones say was seen, and an answer that is like those again would be taken for no news.
        """
        table = tables.shards
        one = (table.c.shard_id == shard_id) & (table.c.digest == digest)
        row = self._connection.execute(select(table).where(one)).mappings().first()
        if row is None:
            return None
        begin = update(table).where(one).values(version=row["version"] + 1, marks=b"")
        self._connection.execute(begin)
        return Marks(row["shard_id"], row["digest"], row["next_at"], row["version"] + 1, bytes(row["marks"]))

    def is_held(self, shard_id: str, version: int) -> bool:
        """Whether no other pass has begun since the one that got this version."""
        table = tables.shards
        found = select(table.c.version).where(table.c.shard_id == shard_id)
        return self._connection.execute(found).scalar() == version

    def save(self, marks: Marks, now: datetime, ran_by: str) -> bool:
        """Write what a pass has left; False, and nothing is written, where another one came between."""
        table = tables.shards
        own = update(table).where(table.c.shard_id == marks.shard_id, table.c.version == marks.version)
        values = {
            "next_at": marks.next_at,
            "marks": marks.data,
            "ran_at": now,
            "ran_by": ran_by,
        }
        return self._connection.execute(own.values(**values)).rowcount > 0
