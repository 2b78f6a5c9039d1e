"""What the settings come to: complete receivers and sources, each under its name."""

import pytest

from notifier.errors import ConfigError
from notifier.settings import (
    Settings,
    SlackChannel,
    SlackWebhook,
    list_secrets,
    resolve_receivers,
    resolve_sources,
)
from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK, Load

RECEIVERS = """
[slack]
bot_token = "xoxb-shared"
base_url = "http://127.0.0.1:1/api"
timeout_seconds = 3
[receivers.sales]
kind = "slack"
channel = "C0123"
[receivers.ops]
kind = "slack"
channel = "#ops"
bot_token = "xoxb-own"
base_url = "http://127.0.0.1:2/api/"
mention = "@here"
pace_seconds = 0
[receivers.hook]
kind = "slack_webhook"
url = "https://hooks.slack.com/services/T/B/x"
"""


def test_the_short_form_by_webhook(load: Load) -> None:
    """A webhook alone is the receiver sales, which also gets what is meant for oncall."""
    resolved = resolve_receivers(load({**DINTERO, **WEBHOOK, "NOTIFIER_SLACK__MENTION": "@here"}))
    sales = resolved.by_name["sales"]
    assert isinstance(sales, SlackWebhook)
    assert sales.url.get_secret_value() == WEBHOOK["NOTIFIER_SLACK__WEBHOOK_URL"]
    assert (sales.mention, sales.pace_seconds, sales.timeout_seconds) == ("<!here>", 1.0, 15)
    assert list(resolved.by_name) == ["sales"]
    assert resolved.aliases == {"sales": "sales", "oncall": "sales"}


def test_the_short_form_by_bot(load: Load) -> None:
    """A token and a channel are the receiver sales."""
    sales = resolve_receivers(load({**DINTERO, **BOT})).by_name["sales"]
    assert isinstance(sales, SlackChannel)
    assert (sales.channel, sales.base_url) == ("#sales", "https://slack.com/api/")
    assert sales.bot_token.get_secret_value() == "xoxb-1"


def test_receivers_are_completed_from_slack(load: Load) -> None:
    """A receiver's own token and address win over those in [slack]."""
    resolved = resolve_receivers(load(DINTERO, toml=RECEIVERS))
    sales, ops, hook = (resolved.by_name[name] for name in ("sales", "ops", "hook"))
    assert isinstance(sales, SlackChannel)
    assert isinstance(ops, SlackChannel)
    assert isinstance(hook, SlackWebhook)
    assert (sales.bot_token.get_secret_value(), sales.base_url) == ("xoxb-shared", "http://127.0.0.1:1/api/")
    assert (ops.bot_token.get_secret_value(), ops.base_url) == ("xoxb-own", "http://127.0.0.1:2/api/")
    assert (ops.mention, ops.pace_seconds) == ("<!here>", 0)
    assert {receiver.timeout_seconds for receiver in resolved.by_name.values()} == {3}
    assert resolved.aliases == {"sales": "sales", "ops": "ops", "hook": "hook", "oncall": "sales"}


def test_oncall_is_itself_where_it_exists(load: Load) -> None:
    """A receiver named oncall is no alias."""
    aliases = resolve_receivers(
        load(DINTERO, toml=RECEIVERS.replace("receivers.ops", "receivers.oncall"))
    ).aliases
    assert aliases["oncall"] == "oncall"


def test_no_alias_without_sales(load: Load) -> None:
    """Where routes decide and nobody is named sales, oncall means nobody."""
    toml = RECEIVERS.replace("receivers.sales", "receivers.team") + '[[routes]]\nreceivers = ["team"]\n'
    assert "oncall" not in resolve_receivers(load(DINTERO, toml=toml)).aliases


@pytest.mark.parametrize("slack", [{}, {"channel": "#sales"}])
def test_settings_made_by_hand_may_lack_a_receiver(slack: dict[str, str]) -> None:
    """What load_settings would have refused is refused here too."""
    with pytest.raises(ConfigError):
        resolve_receivers(Settings.model_validate({"slack": slack}))


def test_the_short_source_is_named_dintero(load: Load) -> None:
    """[dintero] is the source dintero; others have their own names."""
    assert list(resolve_sources(load({**DINTERO, **WEBHOOK}))) == ["dintero"]
    others = {key.replace("DINTERO__", "SOURCES__TEST__"): value for key, value in DINTERO.items()}
    assert list(resolve_sources(load({**others, **WEBHOOK}))) == ["test"]


def test_every_secret_is_known(load: Load) -> None:
    """The log is told every secret, wherever in the settings it stands."""
    assert list_secrets(load(DINTERO, toml=RECEIVERS)) == {
        "client",
        "client-secret",
        "xoxb-shared",
        "xoxb-own",
        "https://hooks.slack.com/services/T/B/x",
    }
