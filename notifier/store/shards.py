"""The shards: what is to be polled when, and what the last pass over it left for the next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from notifier.domain.shards import CLOCK_MARGIN, Marks, Part, Shard
from notifier.store import restored, tables


class Shards:
    """The shards inside one open transaction; a part is a range of a list whose shard is its base."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan(self, shards: Sequence[Shard], now: datetime) -> tuple[int, int]:
        """Have these shards and no others; return how many are new, and how many were retired.

        One that stays keeps its time, its marks and its parts; one in which something else is asked for is
        due at once, without parts.
        """
        table = tables.shards
        query = select(table.c.shard_id, table.c.digest).where(table.c.base_id == "")
        known = dict(self._connection.execute(query).all())
        wanted = {shard.shard_id: shard for shard in shards}
        new = [shard for shard in shards if shard.shard_id not in known]
        gone = [shard_id for shard_id in known if shard_id not in wanted]
        if new:
            self._connection.execute(table.insert(), [_make_row(shard, now) for shard in new])
        for shard_id, shard in wanted.items():
            if known.get(shard_id, shard.digest) != shard.digest:
                self.gather(shard)
                changed = update(table).where(table.c.shard_id == shard_id)
                # Whoever reads it now reads by settings that are no more, and must not record it.
                anew = {"digest": shard.digest, "next_at": now, "version": table.c.version + 1}
                self._connection.execute(changed.values(**anew))
        for shard_id in gone:
            with_parts = or_(table.c.shard_id == shard_id, table.c.base_id == shard_id)
            self._connection.execute(delete(table).where(with_parts))
        return len(new), len(gone)

    def list_due(self, now: datetime) -> list[str]:
        """Return the shards whose time has come, the one that has waited longest first.

        One that was read later than now is due too: the clock was set back, and its time means nothing. So is
        one whose parts are not all there: what they covered is read by nobody.
        """
        table, part = tables.shards, tables.shards.alias()
        there = select(func.count()).where(part.c.base_id == table.c.shard_id).scalar_subquery()
        is_lacking = and_(table.c.parts > 0, table.c.parts != there)
        is_due = or_(table.c.next_at <= now, table.c.ran_at > now + CLOCK_MARGIN, is_lacking)
        due = select(table.c.shard_id).where(is_due).order_by(table.c.next_at)
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

    def keep(self, marks: Marks) -> None:
        """Let a pass that has begun leave something in the row, for the next one should it die."""
        table = tables.shards
        own = update(table).where(table.c.shard_id == marks.shard_id, table.c.version == marks.version)
        self._connection.execute(own.values(marks=marks.data))

    def hasten(self, shard_id: str, now: datetime) -> None:
        """Let a shard be due now, if it is not yet."""
        table = tables.shards
        late = update(table).where(table.c.shard_id == shard_id, table.c.next_at > now)
        self._connection.execute(late.values(next_at=now))

    def find_round(self) -> datetime | None:
        """Return since when everything has to be read once more; see `restored.find_round`."""
        return restored.find_round(self._connection)

    def note_read(self, shard_id: str, read_at: datetime, now: datetime) -> bool:
        """Remember that all of a shard was read since then without a problem.

        Return whether everything was, so that the store is one like any other; see `restored`.
        """
        table = tables.shards
        one = update(table).where(table.c.shard_id == shard_id)
        self._connection.execute(one.values(read_at=read_at))
        return restored.settle_when_read(self._connection, now)

    def hasten_divided(self, now: datetime) -> None:
        """Let every list that is read in parts be due now as a whole."""
        table = tables.shards
        self._connection.execute(update(table).where(table.c.parts > 0).values(next_at=now))

    def find_part(self, shard_id: str) -> Part | None:
        """Return a part; None where there is none (any more)."""
        table = tables.shards
        query = select(table).where(table.c.shard_id == shard_id, table.c.base_id != "")
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _read_part(row)

    def divide(self, base: Shard, parts: Sequence[Part]) -> None:
        """Let each part be read as a shard of its own; what is said of the whole is said of them."""
        table = tables.shards
        rows = [
            _make_row(base, part.next_at)
            | {
                "shard_id": part.shard_id,
                "base_id": base.shard_id,
                "marks": part.data,
                "starts_after": part.after,
                "ends_with": part.until,
            }
            for part in parts
        ]
        self._connection.execute(table.insert(), rows)
        one = update(table).where(table.c.shard_id == base.shard_id)
        self._connection.execute(one.values(parts=len(parts)))
        subjects = {name: part.problem for part in parts for name in _list_subjects(base, part)}
        self._say_of(list(map(str, base.targets)), {name: said for name, said in subjects.items() if said})

    def gather(self, base: Shard) -> list[Part]:
        """Let a shard be read as a whole: drop its parts, and return them.

        Whoever reads one of them just now has been overtaken. What is said of one of them is said of the
        whole, until that is read.
        """
        table = tables.shards
        own = table.c.base_id == base.shard_id
        query = select(table).where(own).order_by(table.c.shard_id)
        parts = [_read_part(row) for row in self._connection.execute(query).mappings()]
        if parts:
            subjects = [name for part in parts for name in _list_subjects(base, part)]
            self._say_of(subjects, dict.fromkeys(map(str, base.targets), ""))
            self._connection.execute(delete(table).where(own))
        one = update(table).where(table.c.shard_id == base.shard_id, table.c.parts > 0)
        self._connection.execute(one.values(parts=0))
        return parts

    def _say_of(self, subjects: Sequence[str], others: Mapping[str, str]) -> None:
        """Let what is said of some subjects be said of others, since the same time; "" is what was said."""
        table = tables.problems
        query = select(table).where(table.c.subject.in_(subjects)).order_by(table.c.since)
        said = [dict(row) for row in self._connection.execute(query).mappings()]
        self._connection.execute(delete(table).where(table.c.subject.in_([*subjects, *others])))
        if said and others:
            rows = [
                said[0] | {"subject": name, "sentence": sentence or said[0]["sentence"]}
                for name, sentence in others.items()
            ]
            self._connection.execute(table.insert(), rows)


def _list_subjects(base: Shard, part: Part) -> list[str]:
    """List what problems of a part are about."""
    return [str(target) for target in part.narrow(base).targets]


def _make_row(shard: Shard, next_at: datetime) -> dict[str, Any]:
    return {
        "shard_id": shard.shard_id,
        "source": shard.source,
        "digest": shard.digest,
        "next_at": next_at,
        "version": 0,
        "marks": b"",
    }


def _read_part(row: Any) -> Part:
    return Part(
        row["shard_id"],
        row["base_id"],
        row["digest"],
        row["starts_after"],
        row["ends_with"],
        row["next_at"],
        bytes(row["marks"]),
    )
