"""A partner's list as a whole and in parts: what is remembered of its accounts goes with them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from notifier.domain.pace import Pace
from notifier.domain.ranges import Range
from notifier.domain.shards import Part, Shard, describe, name_part
from notifier.domain.watch import PartnerTarget
from notifier.service.memory import Memory, Walked
from notifier.service.problem_book import join
from notifier.workers.marks import Saved, read_marks, write_marks

WHOLE_SECONDS: Final = 86_400.0
"""A list that is divided is walked as a whole after so long at the latest: only that shows who has left."""
_SPREAD: Final = 0.5
"""The first walk through a part comes earlier by this share of the time at the most."""


def find_list(shard: Shard) -> PartnerTarget | None:
    """Return the partner's list that a shard reads as a whole, None where it reads anything else."""
    target = shard.targets[0]
    return target if isinstance(target, PartnerTarget) and not target.is_range else None


def choose_whole_seconds(chance: float) -> float:
    """Choose when a list that is divided now is walked as a whole again; `chance` is in [0, 1)."""
    return WHOLE_SECONDS * (1 - _SPREAD * chance)


def join_parts(base: Shard, parts: Iterable[Part], memory: Memory) -> None:
    """Remember of a whole list what is remembered in its parts.

    An account that has gone from one to another may be known in both: where they differ it is compared with
    what is stored.
    """
    for target in base.targets:
        if not isinstance(target, PartnerTarget):
            continue
        walked, unclear = memory.find_walked(target), set[str]()
        for part in parts:
            own = _read_part(base, part)
            for account_id, digest in own.digests.items():
                if walked.digests.setdefault(account_id, digest) != digest:
                    unclear.add(account_id)
            walked.pending |= own.pending
            walked.partial |= own.partial
        for account_id in unclear:
            del walked.digests[account_id]


def keep_names(part: Shard, data: bytes, now: datetime) -> bytes:
    """Return the marks of a part that say who was there, and nothing of what each looked like.

    They stand in its row while it is read. Should that pass die, the next compares every account with what is
    stored, and still knows who is missing.
    """
    memory = Memory()
    memory.restore(part.targets, read_marks(data).memory)
    for target in part.targets:
        if isinstance(target, PartnerTarget):
            walked = memory.find_walked(target)
            walked.digests, walked.walk_at = dict.fromkeys(walked.digests, b""), 0.0
    return write_marks(Saved(), memory.export(part.targets), now)


def _read_part(base: Shard, part: Part) -> Walked:
    memory, targets = Memory(), part.narrow(base).targets
    memory.restore(targets, read_marks(part.data).memory)
    return next((memory.find_walked(one) for one in targets if isinstance(one, PartnerTarget)), Walked())


@dataclass(frozen=True, slots=True)
class Division:
    """How a list is divided by one pass over its shard, at an instant; `version` is that of the pass."""

    base: Shard
    version: int
    pace: Pace
    now: datetime
    jitter: Callable[[], float]

    def split(self, memory: Memory) -> tuple[Part, ...]:
        """Return the parts of a list that was walked just now, none where it stays whole.

        What is remembered of the accounts leaves the memory of the whole list with them.
        """
        target = find_list(self.base)
        ranges = memory.find_ranges(target) if target is not None else ()
        if target is None or not ranges:
            return ()
        walked = memory.find_walked(target)
        parts = tuple(
            self._make(place, one, one.narrow(target), _pick(walked, one)) for place, one in enumerate(ranges)
        )
        memory.forget(target)
        return parts

    def _make(self, place: int, found: Range, target: PartnerTarget, walked: Walked) -> Part:
        walk_seconds, seconds = self._choose_seconds(has_pending=bool(walked.pending))
        next_at = self.now.timestamp() + seconds
        walked.walk_seconds, walked.walk_at = walk_seconds, self.now.timestamp() + walk_seconds
        memory = Memory()
        memory.keep_walked(target, walked)
        return Part(
            name_part(self.base.shard_id, self.version, place),
            self.base.shard_id,
            self.base.digest,
            found.after,
            found.until,
            datetime.fromtimestamp(next_at, UTC),
            write_marks(Saved({describe(target): next_at}), memory.export((target,)), self.now),
            join(tuple(chain.from_iterable(walked.partial.values()))),
        )

    def _choose_seconds(self, *, has_pending: bool) -> tuple[float, float]:
        """Choose when a part is walked, and when it is looked at first."""
        chance = self.jitter()
        walk = self.pace.choose_wait_seconds(is_pending=False, is_first=False, chance=chance, is_walk=True)
        walk *= 1 - _SPREAD * chance
        look = self.pace.choose_wait_seconds(is_pending=True, is_first=True, chance=chance)
        return walk, min(walk, look) if has_pending else walk


def _pick(walked: Walked, part: Range) -> Walked:
    """Return what is remembered of the accounts of a part."""
    own = part.account_ids
    return Walked(
        digests={one: walked.digests[one] for one in own if one in walked.digests},
        pending=walked.pending.intersection(own),
        partial={one: walked.partial[one] for one in own if one in walked.partial},
    )
