"""How Dintero's lists of events can misbehave: repeated, re-ordered, truncated."""

import random
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class EventLists:
    """How the events of every connection are served.

    Attributes:
        is_repeated: every event stands twice in the list.
        order: as recorded, the newest first, or shuffled anew whenever the account changes.
        newest: only this many of the newest events are served; None serves all.
        seed: what shuffled orders depend on.
    """

    is_repeated: bool = False
    order: Literal["recorded", "newest_first", "shuffled"] = "recorded"
    newest: int | None = None
    seed: int = 0

    def served(self, account: Any, version: int) -> Any:
        """Return a copy of an account object with its lists of events misbehaving."""
        connections = account.get("connections") if isinstance(account, dict) else None
        if self == EventLists() or not isinstance(connections, dict):
            return account
        served = {name: self._connection(value, version) for name, value in connections.items()}
        return {**account, "connections": served}

    def _connection(self, value: object, version: int) -> object:
        if not isinstance(value, dict):
            return value
        if "status" not in value:
            return {key: self._connection(product, version) for key, product in value.items()}
        events = value.get("events")
        return {**value, "events": self._list(events, version)} if isinstance(events, list) else value

    def _list(self, events: list[Any], version: int) -> list[Any]:
        listed = list(events) if self.newest is None else events[max(0, len(events) - self.newest) :]
        if self.is_repeated:
            listed = [event for event in listed for _ in range(2)]
        if self.order == "newest_first":
            listed.reverse()
        elif self.order == "shuffled":
            random.Random(f"{self.seed} {version}").shuffle(listed)  # noqa: S311 - can be repeated
        return listed
