"""For how long nobody can take this worker for gone: what it holds is its own until then."""

from collections.abc import Callable
from typing import Final

_MARGIN: Final = 0.2
"""So much of the time without a sign of life must be left, or nothing new is begun on it."""


class Lease:
    """Counts from the signs of life that have arrived; `monotonic` is a clock that nobody sets.

    After a silence of `stalled_seconds` another term begins: what was held before may be others' by then.
    """

    def __init__(self, monotonic: Callable[[], float], stalled_seconds: float) -> None:
        self._monotonic = monotonic
        self._stalled_seconds = stalled_seconds
        self._given_at: dict[int, float] = {}
        self.term = 0

    def renew(self, worker_id: int, given_at: float) -> None:
        """Take note that a sign of life, which was given at an instant, has arrived by now."""
        before = self._given_at.get(worker_id)
        if before is not None and self._monotonic() - before >= self._stalled_seconds:
            self.term += 1
        self._given_at[worker_id] = given_at

    def forget(self, worker_id: int) -> None:
        """Expect no further sign of life."""
        self._given_at.pop(worker_id, None)

    def find_end(self) -> float:
        """Return until when, by the same clock, nobody can take this worker for gone."""
        return min(self._given_at.values(), default=float("inf")) + self._stalled_seconds

    def take(self) -> "Hold":
        """Begin to hold something that was just given to this worker."""
        return Hold(self, self.term, self._monotonic, self._stalled_seconds * _MARGIN)


class Hold:
    """One thing that a worker holds; implements `notifier.service.lane.Grip`."""

    def __init__(self, lease: Lease, term: int, monotonic: Callable[[], float], margin: float) -> None:
        self._lease = lease
        self._term = term
        self._monotonic = monotonic
        self._margin = margin

    @property
    def is_over(self) -> bool:
        """Whether it may be another worker's by now."""
        return self.find_end() <= self._monotonic()

    def find_end(self) -> float:
        """Return until when it is this worker's for certain; minus infinity when it may be another's."""
        ends_at = self._lease.find_end()
        is_held = self._lease.term == self._term and ends_at - self._monotonic() >= self._margin
        return ends_at if is_held else float("-inf")
