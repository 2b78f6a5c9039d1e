"""The receivers of the settings, kind by kind: `[receivers.<name>]`."""

import binascii
import re
from base64 import b64decode
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from notifier.settings.address_values import BaseUrl, HookUrl, SlackBaseUrl, WebhookUrl
from notifier.settings.forms import Form, conceal
from notifier.settings.section import Section, WhenUnsure
from notifier.settings.values import Channel, Mention, Names, TimeoutSeconds, Token, WaitSeconds

ROUTING_KEY: Final = re.compile(r"[A-Za-z0-9]{32}")
APPRISE_URL: Final = re.compile(r"[a-z][a-z0-9]{1,40}://[\x21-\x7e]{1,4000}", re.IGNORECASE)
SIGNING_KEY_BYTES: Final = range(24, 65)


def check_signing_secrets(text: str) -> str:
    """Return one or several signing secrets, separated by commas."""
    secrets = [secret for secret in re.split(r"[,\s]+", text) if secret]
    if not secrets or not all(_is_signing_secret(secret) for secret in secrets):
        raise ValueError(
            "expected whsec_ and 24 to 64 random bytes in Base64, or several with commas between, as made by "
            "`echo whsec_$(head -c 32 /dev/urandom | base64)`"
        )
    return ",".join(dict.fromkeys(secrets))


def _is_signing_secret(secret: str) -> bool:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith("whsec_") and len(key) in SIGNING_KEY_BYTES


def check_apprise_urls(text: str) -> str:
    """Return one or several of Apprise's addresses, separated by spaces."""
    addresses = text.split()
    if not addresses or not all(APPRISE_URL.fullmatch(address) for address in addresses):
        raise ValueError("expected an address as Apprise has it, such as tgram://..., or several with spaces")
    return " ".join(dict.fromkeys(addresses))


RoutingKey: TypeAlias = Annotated[
    SecretStr,
    AfterValidator(conceal(Form(ROUTING_KEY, "the integration's routing key: 32 letters and digits"))),
]
SigningSecrets: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_signing_secrets))]
AppriseUrls: TypeAlias = Annotated[SecretStr, AfterValidator(conceal(check_apprise_urls))]


class AnyReceiverSettings(Section):
    """What `[receivers.<name>]` may say of a receiver of any kind."""

    when_unsure: WhenUnsure = "resend"
    emergency: bool = False
    fallback: Names = ()
    pace_seconds: WaitSeconds = 1.0


class SlackReceiverSettings(AnyReceiverSettings):
    """`[receivers.<name>]` of kind slack: a channel, by bot token."""

    kind: Literal["slack"]
    channel: Channel
    bot_token: Token | None = None
    base_url: SlackBaseUrl | None = None
    mention: Mention | None = None


class SlackWebhookReceiverSettings(AnyReceiverSettings):
    """`[receivers.<name>]` of kind slack_webhook: a channel, by an incoming webhook."""

    kind: Literal["slack_webhook"]
    url: WebhookUrl
    mention: Mention | None = None


class PagerDutyReceiverSettings(AnyReceiverSettings):
    """`[receivers.<name>]` of kind pagerduty: the alerts of one service, by Events API v2."""

    kind: Literal["pagerduty"]
    routing_key: RoutingKey
    base_url: BaseUrl = "https://events.pagerduty.com"
    pace_seconds: WaitSeconds = 0
    timeout_seconds: TimeoutSeconds = 15


class WebhookReceiverSettings(AnyReceiverSettings):
    """`[receivers.<name>]` of kind webhook: any address, signed by Standard Webhooks 1.0."""

    kind: Literal["webhook"]
    url: HookUrl
    signing_secret: SigningSecrets
    pace_seconds: WaitSeconds = 0
    timeout_seconds: TimeoutSeconds = 15


class AppriseReceiverSettings(AnyReceiverSettings):
    """`[receivers.<name>]` of kind apprise: whatever the library Apprise (an extra) can reach."""

    kind: Literal["apprise"]
    url: AppriseUrls
    timeout_seconds: TimeoutSeconds = 15


KINDS: Final = (
    SlackReceiverSettings,
    SlackWebhookReceiverSettings,
    PagerDutyReceiverSettings,
    WebhookReceiverSettings,
    AppriseReceiverSettings,
)
ReceiverSettings: TypeAlias = Annotated[
    SlackReceiverSettings
    | SlackWebhookReceiverSettings
    | PagerDutyReceiverSettings
    | WebhookReceiverSettings
    | AppriseReceiverSettings,
    Field(discriminator="kind"),
]
