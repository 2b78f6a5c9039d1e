"""Shards: what is read together, as one job. They are planned from the targets alone, alike everywhere."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.identity import name_of
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Target

MOST_TARGETS: Final = 300
"""A shard holds so many at the most, on the average: a pass over them takes some seconds."""
CLOCK_MARGIN: Final = timedelta(seconds=30)
"""Workers disagree by less: what was written so much later than now, a clock was set back after."""
_PARTS: Final = "/parts/"
_LISTS: Final = "/partner/"


@dataclass(frozen=True, slots=True)
class Shard:
    """Targets that one job reads, one worker at a time.

    `shard_id` stays the same while the division does; `digest` changes with what is asked for, so that two
    workers whose settings differ can tell.
    """

    shard_id: str
    source: str
    targets: tuple[Target, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What a shard's row holds of it: when it is due, and what the last pass left for the next.

    `version` grows with every pass that is written; `digest` is that of the shard that was planned last.
    """

    shard_id: str
    digest: str
    next_at: datetime
    version: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a partner's list, as a shard of its own below the shard `base_id` of the whole list.

    `data` are its marks; `digest` is that of the whole list's shard. `problem` says what of it could not be
    understood, in a part that is new.
    """

    shard_id: str
    base_id: str
    digest: str
    after: str
    until: str
    next_at: datetime
    data: bytes = field(default=b"", repr=False)
    problem: str = ""

    def narrow(self, base: Shard) -> Shard:
        """Return what is read of the whole list's shard."""
        targets = tuple(
            replace(target, after=self.after, until=self.until)
            for target in base.targets
            if isinstance(target, PartnerTarget)
        )
        return replace(base, shard_id=self.shard_id, targets=targets)


def name_part(base_id: str, version: int, place: int) -> str:
    """Name a part of a list that was divided by the pass with this version: no other is ever called so."""
    return f"{base_id}{_PARTS}{version}.{place:05}"


def name_base(shard_id: str) -> str:
    """Return the shard of the whole list of which one is a part, "" where it is none."""
    return shard_id.rpartition(_PARTS)[0]


def is_list(shard_id: str) -> bool:
    """Whether a shard is a partner's list, or a part of one."""
    return _LISTS in shard_id


def name_division(shard_id: str) -> str:
    """Return what all parts have in common that were made together."""
    return shard_id.rpartition(".")[0]


def plan_shards(targets: Iterable[Target], most: int = MOST_TARGETS) -> tuple[Shard, ...]:
    """Divide targets into shards: each partner's walk alone, the others by a digest of their account.

    One account more or less changes one shard. Only when there are twice as many is everything divided anew.
    """
    walks: list[PartnerTarget] = []
    by_source: defaultdict[str, list[AccountTarget | ConnectionTarget]] = defaultdict(list)
    for target in targets:
        if isinstance(target, PartnerTarget):
            walks.append(target)
        else:
            by_source[target.source].append(target)
    planned = [_make(f"{walk.source}{_LISTS}{walk.owner_id}", walk.source, (walk,)) for walk in walks]
    for source, ones in by_source.items():
        planned += _divide(source, ones, most)
    return tuple(sorted(planned, key=lambda shard: shard.shard_id))


def _divide(source: str, targets: list[AccountTarget | ConnectionTarget], most: int) -> Iterator[Shard]:
    count = 1
    while count * most < len(targets):
        count *= 2
    parts: defaultdict[int, list[AccountTarget | ConnectionTarget]] = defaultdict(list)
    for target in targets:
        parts[int(name_of("shard", _find_account(target)), 16) % count].append(target)
    for place, ones in parts.items():
        yield _make(f"{source}/{place + 1}-of-{count}", source, tuple(ones))


def _make(shard_id: str, source: str, targets: tuple[Target, ...]) -> Shard:
    return Shard(shard_id, source, targets, name_of("shard", *sorted(map(describe, targets))))


def describe(target: Target) -> str:
    """Return a text that is another one whenever something else is asked for."""
    match target:
        case ConnectionTarget():
            return f"{target.source} {target.key}"
        case AccountTarget():
            return " ".join((target.source, target.account_id, *sorted(target.names)))
        case PartnerTarget():
            asked = " ".join((target.source, target.owner_id, *sorted(target.names)))
            # A partner's walk leaves out what others read: thousands of names, of which a digest will do.
            asked = f"{asked} without {name_of(*sorted(target.except_accounts))}"
            return f"{asked} from {name_of(target.after, target.until)}" if target.is_range else asked


def _find_account(target: AccountTarget | ConnectionTarget) -> str:
    return target.account_id if isinstance(target, AccountTarget) else target.key.account_id
