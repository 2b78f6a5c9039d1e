"""How long a signature link is kept: while somebody may still need it, and a grace time after that.

Whoever holds a link can sign with it, so it is not kept for its own sake. Its digest stays: by that the same
link is known again, and never told twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifier.domain.model import TERMINAL_STATUSES
from notifier.domain.state import Case

LINKS: Final = "signature links"
"""What links are called where something is said of all of them."""


@dataclass(frozen=True, slots=True)
class LinkSweep:
    """What one look at some of the kept links came to.

    `last` is the event it ended with, None when there are no more. `erased` links are gone, `sealed` ones are
    encrypted with the present key, `unreadable` ones with a key that is not there. `stale_since` says since
    when the store's file may hold copies of what was erased or encrypted, None when it holds none.
    """

    last: str | None = None
    erased: int = 0
    sealed: int = 0
    unreadable: int = 0
    stale_since: datetime | None = None


def is_over(case: Case, status: str | None, now: datetime) -> bool:
    """Whether nobody can sign any more for a case whose connection has this status."""
    is_expired = case.expires_at is not None and case.expires_at <= now
    return case.end is not None or status in TERMINAL_STATUSES or is_expired


def describe_unreadable(count: int, *, has_key: bool) -> str:
    """Say that links cannot be decrypted, what that means, and what to do."""
    what = f"{count} of them cannot be decrypted, because NOTIFIER_STORE__KEY"
    why = "does not hold the key that they were encrypted with" if has_key else "is not set"
    return (
        f"{what} {why}: put that key back (after a comma, if there is a newer one), or let them be: "
        "those that are still needed are fetched anew from Dintero"
    )
