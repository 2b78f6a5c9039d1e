"""Routes, time intervals and reminders: each mistake in its place, and what they come to."""

import re
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from notifier.domain.intervals import Holidays, contains
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.routing import list_intervals, list_routes, list_schedules
from tests.unit.settings.conftest import DINTERO, WEBHOOK, Load, Problems

FILE = "config/notifier.toml"
ROUTE = '[[routes]]\nreceivers = ["sales"]\n'
CHILD = f"{ROUTE}[[routes.routes]]\n"
TIMES = 'expected times of a day such as "08:00-16:00" ("24:00" is its end)'
HOURS = "expected a number of hours from 0.001 to 8760"
WEEKDAY = 'expected a day of the week such as "mon", or days such as "mon-fri"'
REGION = 'expected a country such as "NO" or "SE", or a part of one such as "DE-BY"'
GLOB = "expected a pattern without spaces, in which * stands for anything"
SHADOWED = (
    "can never match, because {} before it takes everything; give that one conditions or "
    "`continue = true`, or put it last"
)

MISTAKES = [
    (
        f'{CHILD}receivers = ["sales", "nobody"]\n',
        "routes#1.routes#1.receivers#2",
        4,
        "names a receiver that does not exist; there is oncall, sales",
    ),
    (
        f'{CHILD}[[routes.routes.routes]]\nmute_intervals = ["nights"]\n',
        "routes#1.routes#1.routes#1.mute_intervals#1",
        5,
        "names an interval that does not exist; write it as [intervals.<name>]",
    ),
    (
        f'{ROUTE}active_intervals = ["day", "nights"]\n[intervals.day]\n',
        "routes#1.active_intervals#2",
        3,
        "names an interval that does not exist; there is day",
    ),
    (
        f'{ROUTE}reminders = "slow"\n[reminders.fast]\n',
        "routes#1.reminders",
        3,
        "names reminders that do not exist; there is default, fast",
    ),
    (
        '[[routes]]\n[[routes.routes]]\nreceivers = ["sales"]\n',
        "routes#1.receivers",
        1,
        "is missing: name receivers here, or in a route around this one",
    ),
    (f"{ROUTE}{ROUTE}", "routes#2", 3, SHADOWED.format("routes#1")),
    (
        f'{CHILD}[[routes.routes]]\nstatuses = ["failed"]\n',
        "routes#1.routes#2",
        4,
        SHADOWED.format("routes#1.routes#1"),
    ),
    (
        f'{ROUTE}name = "a"\n[[routes.routes]]\nname = " a"\n',
        "routes#1.routes#1.name",
        5,
        "is the name of another route already; give each its own",
    ),
    (f'{CHILD}events = ["[ab"]\n', "routes#1.routes#1.events#1", 4, GLOB),
    (
        f'{ROUTE}severities = ["bad"]\n',
        "routes#1.severities#1",
        3,
        "expected critical, error, warning or info",
    ),
    (
        f'{ROUTE}merchants = [""]\n',
        "routes#1.merchants#1",
        3,
        "expected a pattern for a merchant's name, in which * stands for anything",
    ),
    (
        f'{ROUTE}name = ""\n',
        "routes#1.name",
        3,
        "expected a few words on one line, 60 characters at the most",
    ),
    (f"{CHILD}continues = true\n", "routes#1.routes#1.continues", 4, "is no setting; did you mean continue?"),
    ('[intervals.x]\ntimes = ["08:00-16:00", "8-16"]\n', "intervals.x.times#2", 2, TIMES),
    ('[intervals.x]\nweekdays = ["monday"]\n', "intervals.x.weekdays#1", 2, WEEKDAY),
    (
        '[intervals.x]\ntime_zone = "Europe/Olso"\n',
        "intervals.x.time_zone",
        2,
        "expected the name of a time zone, such as Europe/Oslo",
    ),
    (
        '[intervals.x]\ntime_zone = "../../etc/passwd"\n',
        "intervals.x.time_zone",
        2,
        "expected the name of a time zone, such as Europe/Oslo",
    ),
    ('[intervals.x]\nregion = "NO-99"\n', "intervals.x.region", 2, REGION),
    ('[reminders.default]\nregion = "Norway"\n', "reminders.default.region", 2, REGION),
    (
        "[reminders.default]\nbusiness_days = []\n",
        "reminders.default.business_days",
        2,
        "expected at least one entry",
    ),
    (
        "[reminders.default]\nafter_hours = [24, 24]\n",
        "reminders.default.after_hours",
        2,
        "expected each to be more than the one before it",
    ),
    ("[reminders.default]\nafter_hours = [24, 0]\n", "reminders.default.after_hours#2", 2, HOURS),
    ("[reminders.x]\nstale_after_hours = -1\n", "reminders.x.stale_after_hours", 2, HOURS),
    (
        '[[reminders.x.escalations]]\nafter_hours = 1\nreceivers = ["boss"]\n',
        "reminders.x.escalations#1.receivers#1",
        3,
        "names a receiver that does not exist; there is oncall, sales",
    ),
    (
        "[[reminders.x.escalations]]\nafter_hours = 2\n[[reminders.x.escalations]]\nafter_hours = 2\n",
        "reminders.x.escalations#2.after_hours",
        4,
        "expected more than in the step before it",
    ),
]


@pytest.mark.parametrize(("toml", "setting", "line", "expected"), MISTAKES)
def test_one_mistake_one_sentence(
    problems: Problems, toml: str, setting: str, line: int, expected: str
) -> None:
    """Each mistake must give its one sentence, with the setting, at any depth, and its line."""
    sentence = f"{setting} ({FILE}, line {line}): {expected}."
    assert problems({**DINTERO, **WEBHOOK}, toml=toml) == (sentence.replace("?.", "?"),)


def test_all_are_told_at_once(problems: Problems) -> None:
    """Mistakes in routes, intervals and reminders must come in one report."""
    toml = "".join(mistake[0] for mistake in MISTAKES if mistake[0].startswith("[intervals.x]\nregion"))
    toml += f'[reminders.y]\nregion = "XX"\n{CHILD}receivers = ["nobody"]\nmute_intervals = ["z"]\n'
    assert len(problems({**DINTERO, **WEBHOOK}, toml=toml)) == 4


def test_routes_that_are_too_deep_are_refused(problems: Problems) -> None:
    """However deep routes are nested, the answer must be a sentence."""
    for depth in (11, 60, 300):
        tree = '{"receivers": ["sales"]' + ', "routes": [{"events": ["a"]' * depth + "}]" * depth + "}"
        found = problems({**DINTERO, **WEBHOOK, "NOTIFIER_ROUTES": f"[{tree}]"})
        assert any("expected no more than 10 routes in one another" in sentence for sentence in found)


def test_what_the_document_shows_works(load: Load) -> None:
    """The settings in docs/routing.md must load as they stand there, beside the receivers they name."""
    text = (Path(__file__).parents[3] / "docs/routing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?m)(?:^    (?:.*)\n|^\n(?=    ))+", text)
    shown = "\n".join(textwrap.dedent(block) for block in blocks if re.match(r"\s*\[", block))
    named = "".join(
        f'[receivers.{name}]\nkind = "slack_webhook"\nurl = "https://hooks.slack.com/services/T/B/{name}"\n'
        for name in ("sales", "oncall", "key-accounts")
    )
    settings = load(DINTERO, toml=f"{named}[reminders.gentle]\n{shown}")
    assert [len(route.routes) for route in list_routes(settings)] == [2, 0]
    assert set(list_intervals(settings)) == {"office"}


def test_without_any_the_defaults_hold(load: Load) -> None:
    """Nothing written must give the default routes, Dintero's reminders in Oslo's hours, and no interval."""
    settings = load({**DINTERO, **WEBHOOK})
    assert list_routes(settings) == DEFAULT_ROUTES
    assert list_intervals(settings) == {}
    schedule = list_schedules(settings)["default"]
    assert [span.total_seconds() / 86_400 for span in schedule.after] == [1, 2, 7, 14, 28]
    assert (schedule.expiring_before, schedule.stale_after) == (timedelta(hours=48), None)
    assert not schedule.calendar.is_open(datetime(2027, 5, 17, 10, tzinfo=UTC)), "Norway's national day"
    assert schedule.calendar.is_open(datetime(2027, 5, 18, 10, tzinfo=UTC))


def test_everything_written_arrives(load: Load) -> None:
    """Every key must come to where the domain reads it."""
    settings = load(
        {**DINTERO, **WEBHOOK},
        toml=f"""
{ROUTE}
name = "live"
livemode = true
merchants = ["Fjord *"]
reminders = "slow"
  [[routes.routes]]
  severities = ["error"]
  mute_intervals = ["nights"]
[intervals.nights]
times = ["22:00-24:00"]
weekdays = ["sat-mon"]
months = ["jan"]
days_of_month = ["-7:-1"]
holidays = "except"
region = "se"
time_zone = "Europe/Stockholm"
[reminders.slow]
after_hours = [100]
channel_from = 0
business_days = ["sun"]
business_hours = "00:00-24:00"
region = ""
expiring_before_hours = 0
stale_after_hours = 5
[[reminders.slow.escalations]]
after_hours = 5
mention = "@here"
receivers = ["oncall"]
""",
    )
    (route,) = list_routes(settings)
    assert (route.name, route.livemode, route.merchants, route.reminders) == (
        "live",
        True,
        ("Fjord *",),
        "slow",
    )
    (child,) = route.routes
    assert (child.receivers, child.severities, child.mute_intervals) == (None, ("error",), ("nights",))
    nights = list_intervals(settings)["nights"]
    assert (nights.weekdays, nights.months, nights.days_of_month) == (
        frozenset({5, 6, 0}),
        frozenset({1}),
        ((-7, -1),),
    )
    assert (nights.times, nights.holidays) == (((1320, 1440),), Holidays.EXCEPT)
    assert nights.is_holiday(date(2027, 6, 6)), "Sweden's national day"
    assert contains(nights, datetime(2027, 1, 30, 21, 30, tzinfo=UTC))
    slow = list_schedules(settings)["slow"]
    assert (slow.channel_from, slow.expiring_before, slow.stale_after) == (
        0,
        timedelta(0),
        timedelta(hours=5),
    )
    assert slow.calendar.is_open(datetime(2027, 5, 16, tzinfo=UTC))
    (step,) = slow.escalations
    assert (step.after, step.mention, step.receivers) == (timedelta(hours=5), "<!here>", ("oncall",))
    assert set(list_schedules(settings)) == {"default", "slow"}
