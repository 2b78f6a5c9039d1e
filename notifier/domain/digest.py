"""Many cases in one message: how many of each kind, and then each of them, the most urgent first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from notifier.domain.compose import House
from notifier.domain.message import Line, Link, Message, Mood, Outside, Severity
from notifier.domain.model import ConnectionKey
from notifier.domain.stage import Stage, Standing, assess
from notifier.domain.state import AccountState, Case

CASES_A_PAGE: Final = 20
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CaseRef:
    """One case of one connection."""

    key: ConnectionKey
    case_id: str


@dataclass(frozen=True, slots=True)
class _Entry:
    account: AccountState
    case: Case
    standing: Standing


def sort_by_urgency(
    refs: Iterable[CaseRef], accounts: Mapping[str, AccountState], now: datetime
) -> list[CaseRef]:
    """Return the cases, those first that somebody has to do something about, and soonest."""

    def rank(ref: CaseRef) -> tuple[int, datetime, ConnectionKey]:
        entry = _find(ref, accounts, now)
        if entry is None:
            return len(_ORDER), _NEVER, ref.key
        return _ORDER.index(entry.standing.stage), entry.case.expires_at or _NEVER, ref.key

    return sorted(refs, key=rank)


def compose_digest(
    notification_id: str, refs: Sequence[CaseRef], accounts: Mapping[str, AccountState], now: datetime
) -> Message:
    """Return the message that counts the cases; the pages name them."""
    entries = [entry for ref in refs if (entry := _find(ref, accounts, now)) is not None]
    counts = Counter(entry.standing.stage for entry in entries)
    tests = sum(not entry.account.account.is_live for entry in entries)
    lines = [
        Line(_COUNTED[stage].format(count=counts[stage], s="" if counts[stage] == 1 else "s"))
        for stage in _ORDER
        if counts[stage]
    ]
    if tests:
        lines.append(Line(f"{tests} of them of test accounts"))
    is_urgent = any(stage in counts for stage in (Stage.ASKED, Stage.FAILED))
    return Message(
        notification_id=notification_id,
        topic="digest",
        mood=Mood.ACTION if is_urgent else Mood.NEUTRAL,
        headline=f"{len(refs)} applications at once",
        account_id="",
        connection=Outside(""),
        is_test=False,
        advice="Each of them follows, the most urgent first. At its next change or reminder it gets a "
        "message of its own, with the signature link.",
        lines=tuple(lines),
        severity=Severity.INFO,
    )


def compose_page(
    notification_id: str,
    refs: Sequence[CaseRef],
    accounts: Mapping[str, AccountState],
    house: House,
    now: datetime,
    *,
    number: int,
    of: int,
) -> Message:
    """Return one page of a digest: a line for each case, with the way to its account."""
    lines = tuple(_write_line(ref, _find(ref, accounts, now), house) for ref in refs)
    return Message(
        notification_id=notification_id,
        topic="digest_page",
        mood=Mood.NEUTRAL,
        headline=f"Page {number} of {of}",
        account_id="",
        connection=Outside(""),
        is_test=False,
        lines=lines,
    )


def _write_line(ref: CaseRef, entry: _Entry | None, house: House) -> Line:
    place = f"{ref.key.account_id} · {ref.key.name}"
    if entry is None:
        return Line("no longer known", Outside(place))
    stage = entry.standing.stage
    parts = (entry.account.account.merchant, place, entry.standing.status if stage is Stage.OTHER else "")
    test = "" if entry.account.account.is_live else "TEST, "
    until = entry.case.expires_at if stage in {Stage.ASKED, Stage.APPLIED} else None
    # A signature link stands on cards alone: only they are brought up to date.
    backoffice = Link(f"{house.backoffice_url.rstrip('/')}/{ref.key.account_id}", "Backoffice")
    return Line(f"{test}{_WORDS[stage]}", Outside(" · ".join(filter(None, parts))), backoffice, until)


def _find(ref: CaseRef, accounts: Mapping[str, AccountState], now: datetime) -> _Entry | None:
    account = accounts.get(ref.key.account_id)
    connection = account.connections.get(ref.key.name) if account else None
    if account is None or connection is None:
        return None
    cases = (*connection.earlier_cases, *((connection.case,) if connection.case else ()))
    case = next((one for one in cases if one.case_id == ref.case_id), None)
    return None if case is None else _Entry(account, case, assess(connection, case, now))


_ORDER: Final = (
    Stage.ASKED,
    Stage.FAILED,
    Stage.DECLINED,
    Stage.EXPIRED,
    Stage.OTHER,
    Stage.APPLIED,
    Stage.WITHDRAWN,
    Stage.UNWATCHED,
    Stage.SUPERSEDED,
    Stage.ENABLED,
)

_COUNTED: Final = {
    Stage.ASKED: "{count} signature{s} needed",
    Stage.FAILED: "{count} failed",
    Stage.DECLINED: "{count} declined",
    Stage.EXPIRED: "{count} expired unsigned",
    Stage.OTHER: "{count} with a status that this version does not know",
    Stage.APPLIED: "{count} applied for, nothing to sign yet",
    Stage.WITHDRAWN: "{count} withdrawn",
    Stage.UNWATCHED: "{count} no longer watched",
    Stage.SUPERSEDED: "{count} replaced by a newer application",
    Stage.ENABLED: "{count} enabled",
}

_WORDS: Final = {
    Stage.ASKED: "signature needed",
    Stage.FAILED: "failed",
    Stage.DECLINED: "declined",
    Stage.EXPIRED: "expired unsigned",
    Stage.OTHER: "with a status that this version does not know",
    Stage.APPLIED: "nothing to sign yet",
    Stage.WITHDRAWN: "withdrawn",
    Stage.UNWATCHED: "no longer watched",
    Stage.SUPERSEDED: "replaced by a newer application",
    Stage.ENABLED: "enabled",
}
