"""For how long what is in doubt may still come to stand, by a clock that nobody sets."""

from datetime import datetime, timedelta
from typing import Final

from notifier.domain.delivery import Claim
from notifier.domain.retry import RetryPolicy
from notifier.service.ports import Clock

MOST_KNOWN: Final = 1_000
"""With more than so many those that are over are forgotten: another process may have settled them."""


class Doubts:
    """The doubts of one process.

    One that this process has raised is measured by its monotonic clock from the attempt on. One that it finds
    was raised by a process before it, or beside it: that one's attempt lies before this process's start, or
    before the moment at which it is found here.
    """

    def __init__(self, clock: Clock, policy: RetryPolicy) -> None:
        self._clock = clock
        self._asks_and_looks = policy.request_seconds + policy.look_seconds
        self._longest = timedelta(seconds=policy.claim_seconds + self._asks_and_looks)
        self._started_at = clock.monotonic()
        self._sure_at: dict[str, tuple[datetime, float]] = {}

    def note(self, notification_id: str, ends_at: datetime, sure_at: float) -> None:
        """Remember a doubt that ends at an instant, which is `sure_at` by the monotonic clock."""
        if len(self._sure_at) >= MOST_KNOWN:
            now = self._clock.monotonic()
            self._sure_at = {name: one for name, one in self._sure_at.items() if one[1] > now}
        self._sure_at[notification_id] = (ends_at, sure_at)

    def forget(self, notification_id: str) -> None:
        """Forget a doubt that is settled."""
        self._sure_at.pop(notification_id, None)

    def find_seconds(self, claim: Claim) -> float:
        """Return for how long a message that does not stand there may still come to stand, and to show.

        Negative when that is over. The wall clock may have been set since the attempt: it only shortens what
        another process's claim, request and look may take at the longest.
        """
        if claim.doubt_ends_at is None:
            return 0.0
        name, now = claim.notification.notification_id, self._clock.monotonic()
        known = self._sure_at.get(name)
        if known is None or known[0] != claim.doubt_ends_at:
            left = min(claim.doubt_ends_at - self._clock.now(), self._longest).total_seconds()
            sure_at = max(self._started_at + self._asks_and_looks, now + left)
            self.note(name, claim.doubt_ends_at, sure_at)
            return sure_at - now
        return known[1] - now
