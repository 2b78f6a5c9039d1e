"""Accounts as the sandbox's Dintero holds them: objects, their order, their bodies."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from notifier.sandbox.account_shapes import Json, account_object
from notifier.sandbox.loopback import Clock, utc_now

ACCOUNT_ID = re.compile(r"[PT]\d{8}")
OWNER_ID = re.compile(r"[PT](\d{3}|\d{8})")


@dataclass(slots=True)
class Record:
    """An account as it stands: its place in lists, its JSON, its bodies until it changes."""

    sequence: int
    partner_id: str
    json: Any
    """The account object; anything at all once a raw value stands in its place."""
    version: int = 0
    bodies: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    signup_counts: dict[str, int] = field(default_factory=dict)
    signup_ids: dict[str, str] = field(default_factory=dict)


def full_owner_id(owner_id: str) -> str:
    """Return the long form of an owner id: `P112` is `P11200000`."""
    if not OWNER_ID.fullmatch(owner_id):
        msg = f"not an owner id: {owner_id!r}"
        raise ValueError(msg)
    return owner_id.ljust(9, "0")


class Accounts:
    """Accounts in the order in which they came, changed by method calls.

    Attributes:
        owner_id: the partner to whom accounts belong unless another is named.
        version: moves with every change of any account.
    """

    def __init__(self, owner_id: str, clock: Clock = utc_now) -> None:
        """Start empty."""
        self.owner_id = full_owner_id(owner_id)
        self.version = 0
        self._clock = clock
        self._records: dict[str, Record] = {}
        self._sequences: dict[str, int] = {}
        self._of_partner: dict[str, dict[int, str]] = {}

    def add_account(
        self,
        account_id: str,
        *,
        business_name: str = "Fjordbris Sport AS",
        partner_id: str | None = None,
        country: str = "NO",
    ) -> None:
        """Add an account without connections; a removed one may come back."""
        if not ACCOUNT_ID.fullmatch(account_id):
            msg = f"not an account id: {account_id!r}"
            raise ValueError(msg)
        if account_id in self._records:
            msg = f"the account exists: {account_id}"
            raise ValueError(msg)
        partner = full_owner_id(partner_id or self.owner_id)
        sequence = self._sequences.setdefault(account_id, len(self._sequences) + 1)
        json = account_object(
            account_id,
            partner_id=partner,
            business_name=business_name,
            country=country,
            created_at=self._clock(),
        )
        self._records[account_id] = Record(sequence, partner, json)
        siblings = self._of_partner.setdefault(partner, {})
        is_last = not siblings or sequence > next(reversed(siblings))
        siblings[sequence] = account_id
        if not is_last:
            self._of_partner[partner] = dict(sorted(siblings.items()))
        self.version += 1

    def put_raw_account(self, account_id: str, value: object) -> None:
        """Put any JSON value in the account's place: it is served exactly as it is."""
        record = self.record(account_id)
        record.json = value
        self._changed(record)

    def remove_account(self, account_id: str) -> None:
        """Remove an account; what happened to it stays in `truth()`."""
        record = self._records.pop(account_id)
        del self._of_partner[record.partner_id][record.sequence]
        self.version += 1

    def account_ids(self) -> tuple[str, ...]:
        """Return the ids of the accounts that exist, in the order in which they came."""
        return tuple(self._records)

    def record(self, account_id: str) -> Record:
        """Return the record of an account; KeyError if there is none."""
        return self._records[account_id]

    def find(self, account_id: str) -> Record | None:
        """Return the record of an account, or None."""
        return self._records.get(account_id)

    def account(self, account_id: str) -> Json:
        """Return the account object itself; call `changed` after changing it by hand."""
        account: Json = self.record(account_id).json
        return account

    def changed(self, account_id: str) -> None:
        """Make the servers forget the bodies of an account that was changed by hand."""
        self._changed(self.record(account_id))

    def sequence_of(self, account_id: str) -> int | None:
        """Return the place in lists of an account that exists or once existed."""
        return self._sequences.get(account_id)

    def after(self, partner_id: str, sequence: int) -> Iterator[Record]:
        """Yield a partner's accounts that come after a place in its list."""
        siblings = self._of_partner.get(partner_id, {})
        places = list(siblings)
        for place in places[bisect_right(places, sequence) :]:
            yield self._records[siblings[place]]

    def _changed(self, record: Record) -> None:
        record.version += 1
        record.bodies.clear()
        self.version += 1
