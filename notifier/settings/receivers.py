"""The receivers that the settings come to: complete, each under its name, the short form included."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from notifier.errors import ConfigError
from notifier.settings.model import Settings, SlackSettings
from notifier.settings.receiver_model import (
    AppriseReceiverSettings,
    PagerDutyReceiverSettings,
    ReceiverSettings,
    SlackReceiverSettings,
    SlackWebhookReceiverSettings,
    WebhookReceiverSettings,
)
from notifier.settings.rules import ONCALL, SALES
from notifier.settings.source_model import SourceSettings

SHORT_SOURCE = "dintero"
"""The name of the source that `[dintero]` stands for."""


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """A receiver of kind slack: one channel, by bot token. `mention` is in Slack's form, None for nobody."""

    name: str
    channel: str
    bot_token: SecretStr
    base_url: str
    mention: str | None
    when_unsure: str
    is_emergency: bool
    pace_seconds: float
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class SlackWebhook:
    """A receiver of kind slack_webhook: one incoming webhook."""

    name: str
    url: SecretStr
    mention: str | None
    when_unsure: str
    is_emergency: bool
    pace_seconds: float
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Outlet:
    """A receiver of a kind that takes nothing from [slack]: its settings are complete as they are."""

    name: str
    settings: PagerDutyReceiverSettings | WebhookReceiverSettings | AppriseReceiverSettings

    @property
    def is_emergency(self) -> bool:
        """Whether it is also told directly when the store does not work."""
        return self.settings.emergency

    @property
    def timeout_seconds(self) -> float:
        """The longest that one request takes."""
        return self.settings.timeout_seconds


Addressee: TypeAlias = SlackChannel | SlackWebhook | Outlet


@dataclass(frozen=True, slots=True)
class Addressees:
    """Every receiver by its own name, and for every name that a route may use the receiver it means.

    `aliases` holds each receiver under its own name, and `oncall` as `sales` where there is no `oncall`.
    """

    by_name: Mapping[str, Addressee]
    aliases: Mapping[str, str]


def resolve_receivers(settings: Settings) -> Addressees:
    """Complete the receivers from the defaults in `[slack]`; raises ConfigError when there is none."""
    slack = settings.slack
    if settings.receivers:
        by_name = {name: _complete(name, receiver, slack) for name, receiver in settings.receivers.items()}
    else:
        by_name = {SALES: _expand_short_form(slack)}
    aliases = {name: name for name in by_name}
    if SALES in by_name:
        aliases.setdefault(ONCALL, SALES)
    return Addressees(MappingProxyType(by_name), MappingProxyType(aliases))


def resolve_sources(settings: Settings) -> Mapping[str, SourceSettings]:
    """Give every source under its name; the short form is named dintero."""
    short = {SHORT_SOURCE: settings.dintero} if settings.dintero else {}
    return MappingProxyType({**settings.sources, **short})


def find_address(one: Addressee) -> str:
    """Give the address that a receiver's messages go to, "" where a library knows it alone."""
    if isinstance(one, SlackChannel):
        return one.base_url
    if isinstance(one, SlackWebhook):
        return one.url.get_secret_value()
    if isinstance(one.settings, PagerDutyReceiverSettings):
        return one.settings.base_url
    return one.settings.url.get_secret_value() if isinstance(one.settings, WebhookReceiverSettings) else ""


def list_addresses(settings: Settings) -> tuple[str, ...]:
    """Give the addresses of all that is read and of all that is told."""
    sources = (source.base_url for source in resolve_sources(settings).values())
    heartbeat = settings.alarms.heartbeat_url
    outside = (heartbeat.get_secret_value(),) if heartbeat else ()
    return (*sources, *outside, *(find_address(one) for one in resolve_receivers(settings).by_name.values()))


def _expand_short_form(slack: SlackSettings) -> Addressee:
    if slack.webhook_url is not None:
        receiver: ReceiverSettings = SlackWebhookReceiverSettings(
            kind="slack_webhook",
            url=slack.webhook_url,
            mention=slack.mention,
            when_unsure=slack.when_unsure,
            emergency=slack.emergency,
        )
        return _complete(SALES, receiver, slack)
    if slack.channel is None:
        raise ConfigError("slack: is missing: there is no receiver.")
    receiver = SlackReceiverSettings(
        kind="slack",
        channel=slack.channel,
        mention=slack.mention,
        when_unsure=slack.when_unsure,
        emergency=slack.emergency,
    )
    return _complete(SALES, receiver, slack)


def _complete(name: str, receiver: ReceiverSettings, slack: SlackSettings) -> Addressee:
    if not isinstance(receiver, SlackReceiverSettings | SlackWebhookReceiverSettings):
        return Outlet(name, receiver)
    if isinstance(receiver, SlackWebhookReceiverSettings):
        return SlackWebhook(
            name=name,
            url=receiver.url,
            mention=receiver.mention,
            when_unsure=receiver.when_unsure,
            is_emergency=receiver.emergency,
            pace_seconds=receiver.pace_seconds,
            timeout_seconds=slack.timeout_seconds,
        )
    token = receiver.bot_token or slack.bot_token
    if token is None:
        raise ConfigError(f"receivers.{name}.bot_token: is missing.")
    return SlackChannel(
        name=name,
        channel=receiver.channel,
        bot_token=token,
        base_url=receiver.base_url or slack.base_url,
        mention=receiver.mention,
        when_unsure=receiver.when_unsure,
        is_emergency=receiver.emergency,
        pace_seconds=receiver.pace_seconds,
        timeout_seconds=slack.timeout_seconds,
    )


def list_secrets(settings: Settings) -> frozenset[str]:
    """Give every secret in the settings as text, so that the log can be told what it must never show.

    Client ids are among them: they are one half of the credentials. Of the addresses of a proxy and of a
    database these are also user and password, in every form that they are sent in. That of a file is none.
    """
    proxy = settings.network.proxy
    addresses = (one.get_secret_value() for one in (proxy, settings.store.url) if one)
    parts = (part for address in addresses for part in _take_credentials(address))
    clients = (one.client_id for one in resolve_sources(settings).values())
    several = (
        part
        for one in settings.receivers.values()
        for secret in _find_secrets(one)
        for part in re.split(r"[,\s]+", secret)
    )
    every = (*_find_secrets(settings), *clients, *settings.store.keys, *parts, *several)
    return frozenset(one for one in every if not one.startswith("sqlite:"))


def _take_credentials(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    user, password = parts.username or "", parts.password or dict(parse_qsl(parts.query)).get("password", "")
    pair = f"{unquote(user)}:{unquote(password)}"
    yield from (f"{user}:{password}", pair, b64encode(pair.encode()).decode()) if password else ()
    yield from (one for one in (password, unquote(password)) if one)


def _find_secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _find_secrets(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _find_secrets(inner)
