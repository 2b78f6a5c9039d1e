"""What routes, intervals and reminders must be to one another, and to the receivers.

As in `rules`, the tree is looked at before it is validated, and a thing of the wrong kind is left to the
model.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from notifier.domain.routes import DEFAULT_SCHEDULE
from notifier.settings.layers import Problem, SettingPath
from notifier.settings.values import NAME

DEEPEST: Final = 10
"""So many routes may stand in one another."""

_CONDITIONS: Final = ("events", "statuses", "connections", "accounts", "merchants", "severities")


def judge_routes(tree: Mapping[str, Any], receivers: set[str]) -> Iterator[Problem]:
    """Give what is wrong about the routes and the reminders; `receivers` are the names that they may use."""
    known = {
        "receivers": receivers,
        "mute_intervals": set(_table(tree, "intervals")),
        "active_intervals": set(_table(tree, "intervals")),
    }
    schedules = {*_table(tree, "reminders"), DEFAULT_SCHEDULE}
    yield from _judge_list(tree.get("routes"), ("routes",), known, schedules, has_receivers=False)
    yield from _judge_titles(tree.get("routes"), ("routes",), set())
    for name, schedule in _table(tree, "reminders").items():
        steps = schedule.get("escalations") if isinstance(schedule, dict) else None
        path = ("reminders", name, "escalations")
        for number, step in _tables(steps):
            yield from _judge_names(step.get("receivers"), (*path, number, "receivers"), "receivers", known)
        yield from _judge_order(steps, path)


def _judge_list(
    routes: object,
    path: SettingPath,
    known: Mapping[str, set[str]],
    schedules: set[str],
    *,
    has_receivers: bool,
) -> Iterator[Problem]:
    if isinstance(routes, list) and len(path) > 2 * DEEPEST:
        yield Problem(f"stands too deep: expected no more than {DEEPEST} routes in one another", path)
        return
    taker: int | None = None
    for number, route in _tables(routes):
        here = (*path, number)
        if taker is not None:
            yield Problem(
                f"can never match, because {_write(path)}#{taker + 1} before it takes everything; "
                "give that one conditions or `continue = true`, or put it last",
                here,
            )
            taker = None  # Once is enough.
        if route.get("receivers") is None and not has_receivers:
            yield Problem(
                "is missing: name receivers here, or in a route around this one", (*here, "receivers")
            )
        for key in known:
            yield from _judge_names(route.get(key), (*here, key), key, known)
        wanted = route.get("reminders")
        if isinstance(wanted, str) and wanted not in schedules:
            sentence = f"names reminders that do not exist; there is {_show(schedules)}"
            yield Problem(sentence, (*here, "reminders"))
        yield from _judge_list(
            route.get("routes"),
            (*here, "routes"),
            known,
            schedules,
            has_receivers=has_receivers or route.get("receivers") is not None,
        )
        if _takes_everything(route):
            taker = number


def _judge_titles(routes: object, path: SettingPath, taken: set[str]) -> Iterator[Problem]:
    """Give the routes that are called like one before them: a decision is looked up by that name."""
    for number, route in _tables(routes if len(path) <= 2 * DEEPEST else None):
        title = route.get("name")
        if isinstance(title, str) and title.strip() in taken:
            yield Problem("is the name of another route already; give each its own", (*path, number, "name"))
        elif isinstance(title, str):
            taken.add(title.strip())
        yield from _judge_titles(route.get("routes"), (*path, number, "routes"), taken)


def _judge_names(
    names: object, path: SettingPath, key: str, known: Mapping[str, set[str]]
) -> Iterator[Problem]:
    what = "a receiver" if key == "receivers" else "an interval"
    there = f"there is {_show(known[key])}" if known[key] else "write it as [intervals.<name>]"
    for position, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str) and name not in known[key]:
            yield Problem(f"names {what} that does not exist; {there}", (*path, position))


def _judge_order(steps: object, path: SettingPath) -> Iterator[Problem]:
    last = 0.0
    for number, step in _tables(steps):
        after = step.get("after_hours")
        if isinstance(after, bool) or not isinstance(after, int | float):
            continue
        if after <= last and number > 0:
            yield Problem("expected more than in the step before it", (*path, number, "after_hours"))
        last = float(after) if abs(after) < 1e9 else last  # noqa: PLR2004 - a larger one may be no float


def _takes_everything(route: Mapping[str, Any]) -> bool:
    has_conditions = any(route.get(key) for key in _CONDITIONS) or route.get("livemode") is not None
    return not has_conditions and route.get("continue", False) is False


def _tables(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, one in enumerate(value if isinstance(value, list) else []):
        if isinstance(one, dict):
            yield number, one


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = tree.get(key)
    return table if isinstance(table, dict) else {}


def _show(names: set[str]) -> str:
    return ", ".join(sorted(filter(NAME.fullmatch, names)))


def _write(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"#{part + 1}" if isinstance(part, int) else f".{part}" if text else part
    return text
