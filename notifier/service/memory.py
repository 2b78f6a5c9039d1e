"""What is remembered of each target between two polls: it saves work, and decides nothing.

Without it everything is read in full once and compared with the store. It is held compactly, since a hundred
thousand connections may be watched, and can leave as bytes for another worker that goes on with the targets.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from notifier.domain.ranges import Range
from notifier.domain.watch import (
    DIGEST_BYTES,
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Target,
)

_FORMAT: Final = 1

_PENDING: Final = 1
_ABSENT: Final = 2
_SEEN: Final = 4
_DIGEST_END: Final = 1 + DIGEST_BYTES
"""A mark is one byte of flags; behind it stand, where something was seen, its digest and its ETag."""

_NEW: Final = b"\0"
_NAME_BYTES: Final = 12


class Walked(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What is remembered of a partner's accounts, by account id.

    `digests` recognise what each looked like, `pending` are those in which somebody waits, `partial` says
    what of some could not be read, and `missing` are those that the last walk did not show. `is_torn` when
    that one did not come to its end.
    """

    digests: dict[str, bytes] = msgspec.field(default_factory=dict)
    pending: set[str] = msgspec.field(default_factory=set)
    partial: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    missing: set[str] = msgspec.field(default_factory=set)
    walk_at: float = 0.0
    walk_seconds: float = 0.0
    is_torn: bool = False

    def forget(self, account_id: str) -> None:
        """Forget one account."""
        self.digests.pop(account_id, None)
        self.pending.discard(account_id)
        self.partial.pop(account_id, None)

    def has(self, account_id: str) -> bool:
        """Whether an account was there on the last walk."""
        return account_id in self.digests or account_id in self.pending

    def note_missing(self, account_ids: set[str]) -> None:
        """Keep who was not there; should one come back, it is compared with what is stored."""
        self.missing = account_ids
        for account_id in account_ids:
            self.digests.pop(account_id, None)

    def note_partial(self, account_id: str, problems: tuple[str, ...]) -> None:
        """Keep what of an account could not be read, if anything."""
        if problems:
            self.partial[account_id] = problems
        else:
            self.partial.pop(account_id, None)


class _Saved(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The whole, as it leaves; targets are named by a digest of what they ask for."""

    format: int
    marks: dict[bytes, bytes]
    partial: dict[bytes, tuple[str, ...]]
    walks: dict[bytes, Walked]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Saved)


class Memory:
    """What is remembered of targets; one for each poller."""

    def __init__(self) -> None:
        self._marks: dict[Target, bytes] = {}
        self._partial: dict[Target, tuple[str, ...]] = {}
        self._walks: dict[PartnerTarget, Walked] = {}
        self._ranges: dict[PartnerTarget, tuple[Range, ...]] = {}
        self._doubts: dict[PartnerTarget, str] = {}

    def find_seen(self, target: Target) -> Fingerprint | None:
        """Give what the last answer for a target can be recognised by."""
        mark = self._marks.get(target, _NEW)
        if not mark[0] & _SEEN:
            return None
        etag = mark[_DIGEST_END:].decode("ascii") if len(mark) > _DIGEST_END else None
        return Fingerprint(mark[1:_DIGEST_END], etag)

    def note_seen(
        self,
        target: Target,
        fingerprint: Fingerprint | None,
        *,
        is_pending: bool,
        problems: tuple[str, ...] = (),
    ) -> None:
        """Remember an answer. Without a fingerprint the same answer has to be looked at again."""
        flags = (_PENDING if is_pending else 0) | (_SEEN if fingerprint else 0)
        mark = bytes((flags,))
        if fingerprint:
            mark += fingerprint.digest + (fingerprint.etag or "").encode("ascii")
        self._marks[target] = mark
        if problems:
            self._partial[target] = problems
        else:
            self._partial.pop(target, None)

    def note_missing(self, target: Target, *, is_absent: bool) -> None:
        """Remember that a target is not there; `is_absent` when that was looked into and is settled."""
        self._marks[target] = bytes((_ABSENT if is_absent else 0,))
        self._partial.pop(target, None)

    def is_absent(self, target: Target) -> bool:
        """Whether it is settled that a target is not there."""
        return bool(self._marks.get(target, _NEW)[0] & _ABSENT)

    def is_pending(self, target: Target) -> bool | None:
        """Whether somebody waits for something that a target shows; None where it was not read yet."""
        if isinstance(target, PartnerTarget):
            walked = self._walks.get(target)
            return None if walked is None else bool(walked.pending)
        mark = self._marks.get(target)
        return None if mark is None else bool(mark[0] & _PENDING)

    def find_problems(self, target: Target) -> tuple[str, ...]:
        """Give what of the last answer for a target could not be read, a sentence each."""
        return self._partial.get(target, ()) if self._partial else ()

    def find_walked(self, target: PartnerTarget) -> Walked:
        """Give what is remembered of a partner's accounts, to be kept up to date in place."""
        return self._walks.setdefault(target, Walked())

    def keep_walked(self, target: PartnerTarget, walked: Walked) -> None:
        """Take over what another has remembered of a partner's accounts."""
        self._walks[target] = walked

    def note_ranges(self, target: PartnerTarget, ranges: tuple[Range, ...]) -> None:
        """Keep, until everything is forgotten, where the last walk through a whole list may be cut."""
        self._ranges[target] = ranges

    def find_ranges(self, target: PartnerTarget) -> tuple[Range, ...]:
        """Give the parts into which the last walk has divided a list, none where it has not."""
        return self._ranges.get(target, ())

    def note_doubt(self, target: PartnerTarget, reason: str) -> None:
        """Keep, until everything is forgotten, why a range needs a walk through the whole list."""
        self._doubts[target] = reason

    def find_doubt(self, target: PartnerTarget) -> str:
        """Give why a range needs a walk through the whole list, "" where it needs none."""
        return self._doubts.get(target, "")

    def forget(self, target: Target) -> None:
        """Forget all about a target."""
        self._marks.pop(target, None)
        self._partial.pop(target, None)
        if isinstance(target, PartnerTarget):
            self._walks.pop(target, None)

    def clear(self) -> None:
        """Forget everything."""
        self._marks.clear()
        self._partial.clear()
        self._walks.clear()
        self._ranges.clear()
        self._doubts.clear()

    def export(self, targets: Iterable[Target]) -> bytes:
        """Return what is remembered of some targets."""
        saved = _Saved(_FORMAT, {}, {}, {})
        for target in targets:
            name = _name(target)
            if target in self._marks:
                saved.marks[name] = self._marks[target]
            if target in self._partial:
                saved.partial[name] = self._partial[target]
            if isinstance(target, PartnerTarget) and target in self._walks:
                saved.walks[name] = self._walks[target]
        return _ENCODER.encode(saved)

    def restore(self, targets: Iterable[Target], data: bytes) -> bool:
        """Take over what was exported of some targets; False, and nothing is changed, where it is unreadable.

        What a target asks for is part of its name there: of one that asks for something else, nothing is
        taken over.
        """
        try:
            saved = _DECODER.decode(data)
        except msgspec.DecodeError:
            return False
        if saved.format != _FORMAT or not all(map(_is_mark, saved.marks.values())):
            return False
        for target in targets:
            name = _name(target)
            if name in saved.marks:
                self._marks[target] = saved.marks[name]
            if name in saved.partial:
                self._partial[target] = saved.partial[name]
            if isinstance(target, PartnerTarget) and name in saved.walks:
                self._walks[target] = saved.walks[name]
        return True


def _is_mark(mark: bytes) -> bool:
    if not mark or (mark[0] & _SEEN and len(mark) < _DIGEST_END):
        return False
    return mark[_DIGEST_END:].isascii()


def _name(target: Target) -> bytes:
    """Return a name that is the same in every process, and another one when other things are asked for."""
    parts: tuple[str, ...]
    match target:
        case ConnectionTarget():
            parts = ("connection", target.source, target.key.account_id, target.key.name)
        case AccountTarget():
            parts = ("account", target.source, target.account_id, *sorted(target.names))
        case PartnerTarget():
            part = ("\0range", target.after, target.until) if target.is_range else ()
            parts = ("partner", target.source, target.owner_id, *sorted(target.names), *part)
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=_NAME_BYTES).digest()
