"""What is watched, as values: the requests that cover it, each connection reached by one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from notifier.domain.model import AccountSnapshot, ConnectionKey

UP_TO: Final = ", up to "
"""What stands in the name of a range between the whole list's name and the account that it ends with."""


class ConnectionTarget(NamedTuple):
    """One connection, read alone: one request.

    A tuple, as its key is: every poll looks up what is known of its target, and a tuple is hashed in C.
    """

    source: str
    key: ConnectionKey

    def __str__(self) -> str:
        return f"{self.source}: {self.key}"


@dataclass(frozen=True, slots=True)
class AccountTarget:
    """All connections of one account (or only `names`, when it is not empty): one request."""

    source: str
    account_id: str
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.source}: {self.account_id}"


@dataclass(frozen=True, slots=True)
class PartnerTarget:
    """Everything under a partner (or only connections called `names`), page by page.

    `except_accounts` are read by another target. A range of the list starts behind the cursor `after` ("":
    at its beginning) and ends with the account `until` ("": at its end).
    """

    source: str
    owner_id: str
    names: frozenset[str] = frozenset()
    except_accounts: frozenset[str] = frozenset()
    after: str = ""
    until: str = ""

    @property
    def is_range(self) -> bool:
        """Whether this is a part of the list, and not all of it."""
        return bool(self.after or self.until)

    def __str__(self) -> str:
        whole = f"{self.source}: accounts of {self.owner_id}"
        return f"{whole}{UP_TO}{self.until or 'the end'}" if self.is_range else whole


Target: TypeAlias = ConnectionTarget | AccountTarget | PartnerTarget


DIGEST_BYTES: Final = 16


class Fingerprint(NamedTuple):
    """What an answer can be recognised by: a digest of its bytes, and the ETag it came with.

    `digest` has DIGEST_BYTES bytes; `etag` is ASCII. A tuple, since every poll makes one: a frozen dataclass
    takes three times as long.
    """

    digest: bytes
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Tempo:
    """How many times as long as usual to wait between two polls of a source, and why where it is longer."""

    stretch: float = 1.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that is not the one that was seen before."""

    snapshot: AccountSnapshot
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Sighting:
    """One account on a page of a partner's accounts; `snapshot` is None where `digest` was seen before.

    The last of a page that another follows has the `cursor` that this one starts after.
    """

    account_id: str
    digest: bytes
    snapshot: AccountSnapshot | None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one source is asked to watch.

    `account_id` is the account (or partner) whose credentials it has. `accounts` are watched with `names`, or
    with everything they have when `names` is empty; with `discovers`, so is everything under the partner.
    """

    source: str
    account_id: str
    accounts: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=())
    discovers: bool = False


def plan_targets(coverages: Iterable[Coverage]) -> tuple[Target, ...]:
    """Return the requests that cover what is asked for, so that a connection is read by one of them.

    An account that is named is read by its name, and no walk reads it again; a whole account is read rather
    than some of its connections; between equals, the source that comes first reads.
    """
    asked = tuple(coverages)
    whole: dict[str, AccountTarget] = {}
    # By plain pairs, which take less to make: a start with a hundred thousand of them waits for it.
    single: dict[tuple[str, str], ConnectionTarget] = {}
    for one in asked:
        for account_id in one.accounts:
            if not one.names:
                whole.setdefault(account_id, AccountTarget(one.source, account_id))
            for name in one.names:
                if (account_id, name) not in single:
                    key = ConnectionKey(account_id, name)
                    single[account_id, name] = ConnectionTarget(one.source, key)
    rest = [target for (account_id, _), target in single.items() if account_id not in whole]
    named = frozenset(whole) | {target.key.account_id for target in rest}
    walks = [
        PartnerTarget(one.source, one.account_id, frozenset(one.names), named)
        for one in asked
        if one.discovers
    ]
    return (*whole.values(), *rest, *walks)


def is_asked_for(name: str, names: frozenset[str]) -> bool:
    """Whether `names` has a connection: all are in an empty one, and "payex" stands for its products."""
    return not names or name in names or name.partition("/")[0] in names


def covers(target: Target, key: ConnectionKey) -> bool:
    """Whether a target may show a connection; a key whose name is "" stands for the account itself."""
    match target:
        case ConnectionTarget():
            return target.key == key or (not key.name and target.key.account_id == key.account_id)
        case AccountTarget():
            is_asked = not key.name or is_asked_for(key.name, target.names)
            return target.account_id == key.account_id and is_asked
        case PartnerTarget():
            is_asked = not key.name or is_asked_for(key.name, target.names)
            return key.account_id not in target.except_accounts and is_asked
