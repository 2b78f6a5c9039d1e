"""What fallbacks and the summary must be to the receivers that there are."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.settings.layers import Problem
from notifier.settings.values import NAME


def judge_alarms(tree: Mapping[str, Any], names: set[str]) -> Iterator[Problem]:
    """Give what is wrong about fallbacks and the summary; `names` are those that a route may use."""
    shown = ", ".join(sorted(filter(NAME.fullmatch, names)))
    wanted = _table(tree, "summary").get("receiver")
    if isinstance(wanted, str) and wanted not in names:
        yield Problem(f"names a receiver that does not exist; there is {shown}", ("summary", "receiver"))
    receivers = _table(tree, "receivers")
    fallbacks = {name: _list_fallbacks(receivers, name) for name in receivers}
    for name, others in fallbacks.items():
        for position, other in enumerate(others):
            path = ("receivers", name, "fallback", position)
            if other not in receivers:
                there = ", ".join(sorted(filter(NAME.fullmatch, receivers)))
                yield Problem(f"names a receiver that does not exist; there is {there}", path)
            elif other == name:
                yield Problem("names the receiver itself, which fails when it fails", path)
            elif name in _follow(fallbacks, other):
                yield Problem("makes a circle: each of the two would be the fallback of the other", path)


def _list_fallbacks(receivers: Mapping[str, Any], name: str) -> list[str]:
    receiver = receivers[name]
    wanted = receiver.get("fallback") if isinstance(receiver, dict) else None
    return [one for one in wanted if isinstance(one, str)] if isinstance(wanted, list) else []


def _follow(fallbacks: Mapping[str, list[str]], start: str) -> set[str]:
    """Return all that the fallbacks of a receiver lead to."""
    reached: set[str] = set()
    left = [start]
    while left:
        for other in fallbacks.get(left.pop(), []):
            if other not in reached:
                reached.add(other)
                left.append(other)
    return reached


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = tree.get(key)
    return table if isinstance(table, dict) else {}
