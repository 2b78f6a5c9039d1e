"""Where a case stands, in one word: what its card shows, and whether anybody is still waited for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from notifier.domain.model import DECLINED, ENABLED, FAILED, PENDING, TERMINAL_STATUSES
from notifier.domain.state import Case, CaseEnd, ConnectionState, KnownEvent

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Stage(StrEnum):
    """Where a case stands."""

    APPLIED = "applied"
    """Nothing is asked of anybody yet."""
    ASKED = "asked"
    """Somebody has to sign."""
    EXPIRED = "expired"
    """Nobody signed in time; Dintero may still enable it."""
    ENABLED = "enabled"
    FAILED = "failed"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    UNWATCHED = "unwatched"
    OTHER = "other"
    """A status that this version does not know."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A case at one instant.

    `request` is the newest event that asks for a signature in this case; `status` is the connection's, or the
    last one that was told of a case that is over. `has_ended` is True of a case that is no longer the present
    one: a declined application that was made again is nobody's business now.
    """

    stage: Stage
    status: str
    request: KnownEvent | None
    has_ended: bool = False

    @property
    def awaits_signature(self) -> bool:
        """Whether somebody can still sign."""
        return self.stage is Stage.ASKED

    @property
    def has_use_for_link(self) -> bool:
        """Whether the link may still be of use: under a status that nobody here knows it may."""
        return self.stage is Stage.ASKED or (self.stage is Stage.OTHER and self.request is not None)

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be done about it any more."""
        return self.has_ended or self.stage in _OVER


_OVER = frozenset({Stage.ENABLED, Stage.SUPERSEDED, Stage.WITHDRAWN, Stage.UNWATCHED})
_BY_STATUS = {ENABLED: Stage.ENABLED, FAILED: Stage.FAILED, DECLINED: Stage.DECLINED}
_BY_END = {
    CaseEnd.SUPERSEDED: Stage.SUPERSEDED,
    CaseEnd.WITHDRAWN: Stage.WITHDRAWN,
    CaseEnd.UNWATCHED: Stage.UNWATCHED,
}


def assess(connection: ConnectionState, case: Case, now: datetime) -> Standing:
    """Return where a case of a connection stands.

    What an event has told ahead of the status counts already. A case that has ended keeps the outcome that it
    had before: a declined application stays declined when the merchant applies again.
    """
    events = [event for event in connection.events if event.case_id == case.case_id]
    request = _find_newest([event for event in events if _is_request(event)])
    is_present = connection.case is not None and connection.case.case_id == case.case_id
    if is_present:
        status = connection.ahead or connection.status or ""
    else:
        settled = _find_newest([event for event in events if event.status in TERMINAL_STATUSES])
        bare = [one.partition(" ")[2] for one in connection.bare if one.startswith(f"{case.ordinal} ")]
        status = (settled.status if settled else None) or (bare[-1] if bare else "")
    return Standing(_judge(case, status, request, now), status, request, case.end is not None)


def _judge(case: Case, status: str, request: KnownEvent | None, now: datetime) -> Stage:
    if case.end is not None and status not in _BY_STATUS:
        return _BY_END[case.end]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if case.expires_at is not None and case.expires_at <= now:
        return Stage.EXPIRED
    if status not in {"", PENDING}:
        return Stage.OTHER
    return Stage.ASKED if request is not None or case.asked_at is not None else Stage.APPLIED


def _is_request(event: KnownEvent) -> bool:
    is_about_signing = event.name == "signature_required" or event.has_link
    return is_about_signing and event.status not in TERMINAL_STATUSES


def _find_newest(events: list[KnownEvent]) -> KnownEvent | None:
    """Return the newest event by Dintero's time; the last one of those without."""
    return max(events, key=lambda one: one.created_at or _LONG_AGO, default=None)
