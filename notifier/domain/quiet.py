"""What keeps a message back for a while: a silence, or an interval of its route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from notifier.domain.change import Change
from notifier.domain.delivery import Notification
from notifier.domain.intervals import TimeInterval, find_muting
from notifier.domain.model import Account
from notifier.domain.routes import Match
from notifier.domain.silences import Silence, find_silence


@dataclass(frozen=True, slots=True)
class Quiet:
    """The silences and intervals at one instant; `intervals` are those of the settings, by name."""

    now: datetime
    silences: tuple[Silence, ...] = ()
    intervals: Mapping[str, TimeInterval] = field(default_factory=dict)

    def find_reason(self, change: Change, account: Account, match: Match) -> str:
        """Return what keeps a change back from where a route sends it, "" where nothing does."""
        silence = find_silence(self.silences, change, account, self.now)
        if silence is not None:
            return f"silence {silence.silence_id}"
        known = tuple(name for name in match.mute_intervals if name in self.intervals)
        active = tuple(name for name in match.active_intervals if name in self.intervals)
        interval = find_muting(known, active, self.intervals, self.now)
        if interval is None:
            return ""
        return f"interval {interval}" if interval else "outside of the active intervals"


@dataclass(frozen=True, slots=True)
class Kept:
    """A notification that is kept back, with what it is about; `seq` is its place in the outbox."""

    seq: int
    notification: Notification
    change: Change
    account: Account
