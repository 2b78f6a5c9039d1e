"""The receivers that the settings name are those that run."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from notifier import app
from notifier.domain.message import Message
from notifier.errors import ConfigError, DeliveryError
from notifier.sandbox import answer
from notifier.settings import Settings, find_address, load_settings, resolve_receivers
from tests.contract.receivers.conftest import ROUTING_KEY, SIGNING_KEY, TOKEN
from tests.contract.receivers.inbox import Inbox

DINTERO = {"ACCOUNT_ID": "P12345678", "CLIENT_ID": "client", "CLIENT_SECRET": "client-secret"}


def load(receivers: Mapping[str, Mapping[str, str]], tmp_path: Path) -> Settings:
    """Return the settings for some receivers."""
    environ = {f"NOTIFIER_DINTERO__{key}": value for key, value in DINTERO.items()}
    environ["NOTIFIER_SECRETS_DIR"] = str(tmp_path)
    for name, receiver in receivers.items():
        environ |= {f"NOTIFIER_RECEIVERS__{name}__{key}": value for key, value in receiver.items()}
    return load_settings(config_path=None, environ=environ, cwd=tmp_path)


async def test_each_kind_is_made_from_its_settings(inbox: Inbox, message: Message, tmp_path: Path) -> None:
    """Each kind must come out under its name with its own settings, work, and show no secret."""
    settings = load(
        {
            "SALES": {"KIND": "slack", "CHANNEL": "#sales", "BOT_TOKEN": TOKEN},
            "HOOK": {"KIND": "slack_webhook", "URL": "https://hooks.slack.com/services/canary"},
            "DUTY": {
                "KIND": "pagerduty",
                "ROUTING_KEY": ROUTING_KEY,
                "BASE_URL": inbox.url,
                "TIMEOUT_SECONDS": "3",
            },
            "CRM": {
                "KIND": "webhook",
                "URL": f"{inbox.url}/hook",
                "SIGNING_SECRET": SIGNING_KEY,
                "PACE_SECONDS": "2",
            },
            "MAIL": {
                "KIND": "apprise",
                "URL": inbox.url.replace("http", "json"),
                "WHEN_UNSURE": "hold",
                "EMERGENCY": "true",
            },
        },
        tmp_path,
    )
    async with app.connect(settings) as outside:
        receivers = outside.receivers
        assert {name: type(one).__name__ for name, one in receivers.items()} == {
            "sales": "SlackBotReceiver",
            "hook": "SlackWebhookReceiver",
            "duty": "PagerDutyReceiver",
            "crm": "WebhookReceiver",
            "mail": "AppriseReceiver",
        }
        assert {name: one.timeout_seconds for name, one in receivers.items()}["duty"] == 3
        assert receivers["crm"].pace_seconds == 2
        assert receivers["mail"].when_unsure == "hold"
        assert len({one.destination for one in receivers.values()}) == len(receivers)
        for name in ("duty", "crm", "mail"):
            await receivers[name].send(message, is_plain=False)
        assert "canary" not in repr(receivers)
    assert [taken.path for taken in inbox.taken] == ["/v2/enqueue", "/hook", "/"]
    addressees = resolve_receivers(settings).by_name.values()
    assert [one.name for one in addressees if one.is_emergency] == ["mail"]
    assert {one.name: find_address(one) for one in addressees if one.name in {"duty", "mail"}} == {
        "duty": inbox.url,
        "mail": "",
    }


@pytest.mark.parametrize("name", ["duty", "crm", "mail"])
async def test_refused_receiver_names_the_variable_to_mend(
    inbox: Inbox, message: Message, tmp_path: Path, name: str
) -> None:
    """What a receiver says of a refusal must name the setting as it is set."""
    kinds = {
        "duty": {"KIND": "pagerduty", "ROUTING_KEY": ROUTING_KEY, "BASE_URL": inbox.url},
        "crm": {"KIND": "webhook", "URL": f"{inbox.url}/hook", "SIGNING_SECRET": SIGNING_KEY},
        "mail": {"KIND": "apprise", "URL": "nosuchservice://canary"},
    }
    receivers = {"SALES": kinds["crm"], name.upper(): kinds[name]}
    variable = f"NOTIFIER_RECEIVERS__{name.upper()}__{'ROUTING_KEY' if name == 'duty' else 'URL'}"
    inbox.faults.add(answer(403).on("*", ""))
    with pytest.raises((ConfigError, DeliveryError), match=variable):
        async with app.connect(load(receivers, tmp_path)) as outside:
            await outside.receivers[name].send(message, is_plain=False)
