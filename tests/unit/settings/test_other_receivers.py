"""The settings of the receivers that are no Slack."""

from base64 import b64encode

import pytest

from notifier.settings import Outlet, list_secrets, resolve_receivers
from tests.unit.settings.conftest import DINTERO, Load, Problems

KEY = "R0UT1NGKEY" + "0" * 22
SIGNING = "whsec_" + b64encode(b"a" * 32).decode()
NEXT_SIGNING = "whsec_" + b64encode(b"b" * 24).decode()
PAGERDUTY = {"KIND": "pagerduty", "ROUTING_KEY": KEY}
WEBHOOK = {"KIND": "webhook", "URL": "https://crm.example/hook?x=1", "SIGNING_SECRET": SIGNING}
APPRISE = {"KIND": "apprise", "URL": "tgram://123:secret/456"}


def as_variables(receiver: dict[str, str], name: str = "SALES") -> dict[str, str]:
    """Return the environment for one receiver."""
    return {**DINTERO, **{f"NOTIFIER_RECEIVERS__{name}__{key}": value for key, value in receiver.items()}}


@pytest.mark.parametrize("receiver", [PAGERDUTY, WEBHOOK, APPRISE], ids=lambda one: one["KIND"])
def test_each_kind_is_complete_by_itself(load: Load, receiver: dict[str, str]) -> None:
    """Nothing of [slack] is needed, and the defaults are there."""
    sales = resolve_receivers(load(as_variables(receiver))).by_name["sales"]
    assert isinstance(sales, Outlet)
    assert sales.settings.kind == receiver["KIND"]
    assert (sales.timeout_seconds, sales.is_emergency, sales.settings.when_unsure) == (15, False, "resend")
    assert sales.settings.pace_seconds == (1.0 if receiver is APPRISE else 0)


@pytest.mark.parametrize(
    ("receiver", "key", "value", "expected"),
    [
        (PAGERDUTY, "ROUTING_KEY", "canary", "expected the integration's routing key"),
        (PAGERDUTY, "ROUTING_KEY", KEY[:-1] + "-", "expected the integration's routing key"),
        (PAGERDUTY, "BASE_URL", "http://events.example", "expected an address that begins with https://"),
        (PAGERDUTY, "URL", "https://canary.example", "is no setting"),
        (WEBHOOK, "URL", "http://canary.example/", "expected an address that begins with https://"),
        (WEBHOOK, "URL", "https://u:canary@x.example/", "without user name"),
        (WEBHOOK, "SIGNING_SECRET", "canarycanary", "expected whsec_"),
        (WEBHOOK, "SIGNING_SECRET", "whsec_Y2FuYXJ5", "expected whsec_"),
        (WEBHOOK, "SIGNING_SECRET", "whsec_" + b64encode(b"c" * 65).decode(), "expected whsec_"),
        (WEBHOOK, "SIGNING_SECRET", f"{SIGNING},canary", "expected whsec_"),
        (WEBHOOK, "SIGNING_SECRET", ",", "expected whsec_"),
        (APPRISE, "URL", "canary", "expected an address as Apprise has it"),
        (APPRISE, "URL", "tgram://ok canary", "expected an address as Apprise has it"),
    ],
)
def test_mistake_is_told_without_its_value(
    problems: Problems, receiver: dict[str, str], key: str, value: str, expected: str
) -> None:
    """A value of the wrong form must be one sentence with the setting's name, and never be shown."""
    (sentence,) = problems(as_variables({**receiver, key: value}))
    assert expected in sentence
    assert f"receivers.sales.{key.lower()}" in sentence
    assert "canary" not in sentence


def test_signing_secrets_may_be_several(load: Load) -> None:
    """While a key is changed two stand beside one another, by comma, space or line."""
    for mark in (",", ", ", " ", "\n"):
        text = f"{SIGNING}{mark}{NEXT_SIGNING}"
        settings = load(as_variables({**WEBHOOK, "SIGNING_SECRET": text}))
        sales = resolve_receivers(settings).by_name["sales"]
        assert isinstance(sales, Outlet)
        assert sales.settings.kind == "webhook"
        assert sales.settings.signing_secret.get_secret_value() == f"{SIGNING},{NEXT_SIGNING}"
        assert {SIGNING, NEXT_SIGNING, WEBHOOK["URL"]} <= list_secrets(settings)


def test_secret_may_stand_in_a_file(load: Load, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A routing key must be readable from a file, as every secret is."""
    path = tmp_path_factory.mktemp("secrets") / "key"
    path.write_text(f"{KEY}\n", encoding="utf-8")
    path.chmod(0o600)
    environ = as_variables({"KIND": "pagerduty", "ROUTING_KEY_FILE": str(path)})
    assert KEY in list_secrets(load(environ))


@pytest.mark.parametrize("receiver", [PAGERDUTY, WEBHOOK, APPRISE], ids=lambda one: one["KIND"])
def test_settings_do_not_print_their_secrets(load: Load, receiver: dict[str, str]) -> None:
    """Printing the settings must show neither key, nor secret, nor address."""
    settings = load(as_variables(receiver))
    shown = repr(settings) + repr(resolve_receivers(settings))
    for secret in (KEY, SIGNING, WEBHOOK["URL"], APPRISE["URL"]):
        assert secret not in shown
