"""What a receiver makes of its settings: whom it calls, and where its messages end up."""

from base64 import b64encode
from typing import Any, cast

import pytest

from notifier.errors import ConfigError
from notifier.receivers.pagerduty.receiver import PagerDutyReceiver
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.receivers.slack.mention import read_mention
from notifier.receivers.slack.webhook import SlackWebhookReceiver
from notifier.receivers.webhook.receiver import WebhookReceiver

NO_SESSION = cast("Any", None)
SLACK = "https://slack.com/api/"


def find_destination(token: str, channel: str, base_url: str = SLACK) -> str:
    """Return the destination of a bot receiver."""
    return SlackBotReceiver("sales", token, channel, base_url, NO_SESSION).destination


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("U024BE7LH", "<@U024BE7LH>"),
        ("<@W024BE7LH>", "<@W024BE7LH>"),
        ("S024BE7LH", "<!subteam^S024BE7LH>"),
        ("<!subteam^S024BE7LH|@oncall>", "<!subteam^S024BE7LH>"),
        ("@here", "<!here>"),
        ("<!channel>", "<!channel>"),
        (" everyone ", "<!everyone>"),
    ],
)
def test_mention_is_read_in_each_form(text: str, markup: str) -> None:
    """A mention may be given as an id, as a word, or as Slack writes it."""
    mention = read_mention(text)
    assert mention is not None
    assert mention.markup == markup


def test_mention_that_is_none_is_a_config_error() -> None:
    """A name that Slack would not understand must be reported, not posted."""
    assert read_mention("  ") is None
    for text in ("@oncall", "*x*", "<!here> <!channel>", "U024 BE7"):
        with pytest.raises(ConfigError):
            read_mention(text)


def test_channel_id_is_one_destination_for_every_token() -> None:
    """Two tokens that reach one channel must not tell it twice."""
    assert find_destination("xoxb-1-2-a", "C024BE91L") == find_destination("xoxb-9-8-b", "C024BE91L")
    assert find_destination("xoxb-1-2-a", "C024BE91L") != find_destination("xoxb-1-2-a", "C024BE91M")
    assert find_destination("t", "C024BE91L") == find_destination("t", "C024BE91L", "https://slack.com/api")
    assert find_destination("t", "C024BE91L") != find_destination("t", "C024BE91L", "http://127.0.0.1:1/api/")


def test_channel_name_is_a_destination_in_its_workspace_only() -> None:
    """Two workspaces' channels of one name must not pass for one, or one of them would never be told."""
    assert find_destination("xoxb-1-2-a", "#sales") == find_destination("xoxb-1-9-b", "Sales")
    assert find_destination("xoxb-1-2-a", "#sales") != find_destination("xoxb-7-2-a", "#sales")


def test_webhook_is_a_destination_without_its_address() -> None:
    """A webhook's destination must tell webhooks apart and hold nothing of the address."""
    first, same, other = (
        SlackWebhookReceiver("sales", f"https://hooks.slack.com/services/T1/B1/{secret}", NO_SESSION)
        for secret in ("canary1", "canary1", "canary2")
    )
    assert first.destination == same.destination != other.destination
    assert "canary" not in first.destination + repr(first)


def test_pagerduty_key_is_a_destination_at_its_host() -> None:
    """Two keys, or one key at two hosts, are two destinations; neither shows the key."""

    def find(key: str, base_url: str) -> str:
        return PagerDutyReceiver("duty", key, base_url, NO_SESSION).destination

    us, eu = "https://events.pagerduty.com", "https://events.eu.pagerduty.com"
    assert find("canary" * 5 + "12", us) == find("canary" * 5 + "12", f"{us}/")
    assert len({find("canary" * 5 + end, host) for end in ("12", "13") for host in (us, eu)}) == 4
    assert "canary" not in find("canary" * 5 + "12", us)


def test_changed_signing_key_leaves_the_destination() -> None:
    """A webhook whose key is changed must stay the same place, or its queue would be told anew."""
    first, second = ("whsec_" + b64encode(key * 32).decode() for key in (b"a", b"b"))
    url = "https://crm.example/canary"
    made = [WebhookReceiver("crm", url, secret, NO_SESSION) for secret in (first, f"{second},{first}")]
    assert len({one.destination for one in made}) == 1
    assert made[0].destination != WebhookReceiver("crm", url + "2", first, NO_SESSION).destination
    assert "canary" not in repr(made) + made[0].destination
