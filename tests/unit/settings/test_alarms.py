"""The settings about the notifier itself: fallbacks, the heartbeat, the summary."""

import pytest

from notifier.alarms import check_alarms, list_fallbacks, make_appointment
from notifier.domain.delivery import Level
from notifier.domain.plan import Directory
from notifier.settings import list_addresses, list_secrets
from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK, Load, Problems

RECEIVERS = "".join(
    f'[receivers.{name}]\nkind = "slack"\nchannel = "#{name}"\nbot_token = "xoxb-1"\nfallback = {{{name}}}\n'
    for name in ("sales", "oncall", "boss")
)
URL = "https://hc.example.com/canary-uuid"


def _write(sales: str = "[]", oncall: str = "[]", boss: str = "[]") -> str:
    return RECEIVERS.format(sales=sales, oncall=oncall, boss=boss)


def test_fallbacks_may_be_a_chain_and_have_one_end(load: Load) -> None:
    """Two receivers may share a fallback, and a fallback may have its own."""
    settings = load(DINTERO, toml=_write('["oncall", "boss"]', '["boss"]'))
    assert list_fallbacks(settings) == {"sales": ("oncall", "boss"), "oncall": ("boss",)}


@pytest.mark.parametrize(
    ("toml", "wanted"),
    [
        (_write('["ghost"]'), ["receivers.sales.fallback", "names a receiver that does not exist", "boss"]),
        (_write('["sales"]'), ["receivers.sales.fallback", "names the receiver itself"]),
        (_write('["oncall"]', '["sales"]'), ["receivers.sales.fallback", "makes a circle"]),
        (_write('["oncall"]', '["boss"]', '["sales"]'), ["receivers.boss.fallback", "makes a circle"]),
        (_write() + '[summary]\nreceiver = "ghost"\n', ["summary.receiver", "does not exist"]),
        (_write() + '[summary]\ntime = "25:00"\n', ["summary.time", "expected a time of the day"]),
        (
            _write() + '[summary]\ntime_zone = "Mars"\n',
            ["summary.time_zone", "expected the name of a time zone"],
        ),
        (_write() + '[summary]\nweekday = "someday"\n', ["summary.weekday", "expected"]),
        (_write() + "[alarms]\nblind_after_minutes = 0\n", ["alarms.blind_after_minutes", "minutes"]),
        (
            _write() + '[alarms]\nheartbeat_url = "http://canary.example.com"\n',
            ["alarms.heartbeat_url", "https"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(problems: Problems, toml: str, wanted: list[str]) -> None:
    """Receivers that do not exist, circles, and values of the wrong form are found before the start."""
    found = problems(DINTERO, toml=toml)
    assert any(all(word in one for word in wanted) for one in found), found
    assert not any("canary" in one for one in found)


def test_the_address_of_the_heartbeat_is_a_secret(load: Load) -> None:
    """It may stand in a file, the log knows that it must not show it, and it is no part of any repr."""
    settings = load({**DINTERO, **WEBHOOK, "NOTIFIER_ALARMS__HEARTBEAT_URL": URL})
    assert URL in list_secrets(settings)
    assert URL in list_addresses(settings)
    assert "canary" not in repr(settings)


def test_a_summary_is_written_by_the_clock_on_the_wall(load: Load) -> None:
    """The settings come to a weekday, a minute and a zone."""
    settings = load(
        {**DINTERO, **BOT}, toml='[summary]\nreceiver = "sales"\nweekday = "FRI"\ntime = "15:30"\n'
    )
    appointment = make_appointment(settings)
    assert (appointment.weekday, appointment.minute, str(appointment.zone)) == (4, 930, "Europe/Oslo")


@pytest.mark.parametrize(
    ("places", "changed", "is_warned"),
    [
        ({"sales": "a"}, {}, True),
        ({"sales": "a", "oncall": "a"}, {}, True),
        ({"sales": "a", "oncall": "b"}, {}, False),
        ({"sales": "a"}, {"NOTIFIER_ALARMS__HEARTBEAT_URL": URL}, False),
    ],
    ids=["one receiver", "one place", "two places", "a heartbeat"],
)
def test_check_warns_of_a_lone_receiver(
    load: Load, places: dict[str, str], changed: dict[str, str], is_warned: bool
) -> None:
    """A lone receiver cannot report its own death: somebody else has to miss it."""
    settings = load({**DINTERO, **WEBHOOK, **changed})
    findings = list(check_alarms(settings, Directory(places, {})))
    assert [one.level for one in findings] == ([Level.WARNING] if is_warned else [])
    assert all("a lone receiver cannot report its own death" in one.sentence for one in findings)
