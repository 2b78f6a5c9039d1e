"""What cannot be read at present: what is said of it may not be true any more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from notifier.domain.blindness import Problem, TroubleKind
from notifier.domain.model import ConnectionKey
from notifier.domain.watch import ConnectionTarget, PartnerTarget, Target, covers


@dataclass(frozen=True, slots=True)
class Unread:
    """The targets whose last read failed as a whole: `named` by their accounts, and `walks` of partners."""

    named: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    walks: tuple[PartnerTarget, ...] = ()

    def hides(self, key: ConnectionKey, source: str) -> bool:
        """Whether a connection that a source showed last is one of those that cannot be read."""
        if any(covers(target, key) for target in self.named.get(key.account_id, ())):
            return True
        return any(walk.source == source and covers(walk, key) for walk in self.walks)


def find_unread(problems: Iterable[Problem], targets: Iterable[Target]) -> Unread:
    """Return what the problems hide: one with parts of an answer hides nothing, the rest of it was read."""
    failing = {one.subject for one in problems if one.kind is not TroubleKind.PARTIAL}
    if not failing:
        return Unread()
    named: dict[str, tuple[Target, ...]] = {}
    walks: list[PartnerTarget] = []
    for target in targets:
        if str(target) not in failing:
            continue
        if isinstance(target, PartnerTarget):
            walks.append(target)
            continue
        account_id = target.key.account_id if isinstance(target, ConnectionTarget) else target.account_id
        named[account_id] = (*named.get(account_id, ()), target)
    return Unread(named, tuple(walks))
