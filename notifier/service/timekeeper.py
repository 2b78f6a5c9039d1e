"""What those need who say what only time brings about."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from notifier.domain.reminders import Schedule
from notifier.domain.watch import Target
from notifier.service.planner import Planner
from notifier.service.ports import Clock, Store


@dataclass(frozen=True)
class Timekeeper:
    """Looks at the clock; `on_news` is called when something is to be sent.

    `schedules` are by name. `list_targets` gives what is read: nothing is said by time alone of what cannot
    be read at present.
    """

    store: Store
    clock: Clock
    planner: Planner
    schedules: Mapping[str, Schedule]
    on_news: Callable[[], None]
    list_targets: Callable[[], Iterable[Target]] = tuple
