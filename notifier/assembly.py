"""The receivers, and the words for them, made from the settings: a part of the composition root."""

from collections.abc import Callable

import aiohttp

from notifier.domain.delivery import WhenUnsure
from notifier.domain.message import Message
from notifier.receivers.apprise import AppriseReceiver
from notifier.receivers.pagerduty.receiver import PagerDutyReceiver
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.receivers.slack.webhook import SlackWebhookReceiver
from notifier.receivers.webhook.receiver import WebhookReceiver
from notifier.service.ports import Clock, Receiver
from notifier.settings import (
    Addressee,
    Outlet,
    PagerDutyReceiverSettings,
    Settings,
    SlackChannel,
    SlackReceiverSettings,
    WebhookReceiverSettings,
)
from notifier.settings.receiver_model import ReceiverSettings


def make_receiver(one: Addressee, session: aiohttp.ClientSession, settings: Settings) -> Receiver:
    """Return the receiver that an entry of the settings stands for. Raises ConfigError."""
    if isinstance(one, Outlet):
        return _make_outlet(one, session)
    mention = one.mention or ""
    own = settings.receivers.get(one.name)
    prefix = "NOTIFIER_SLACK__" if own is None else f"NOTIFIER_RECEIVERS__{one.name.upper()}__"
    if isinstance(one, SlackChannel):
        return SlackBotReceiver(
            one.name,
            one.bot_token.get_secret_value(),
            one.channel,
            one.base_url,
            session,
            mention=mention,
            other_mentions=tuple(
                step.mention
                for each in settings.reminders.values()
                for step in each.escalations
                if step.mention
            ),
            pace_seconds=one.pace_seconds,
            timeout_seconds=one.timeout_seconds,
            when_unsure=WhenUnsure(one.when_unsure),
            token_setting=f"{prefix if _has_own_token(own) else 'NOTIFIER_SLACK__'}BOT_TOKEN",
            channel_setting=f"{prefix}CHANNEL",
        )
    return SlackWebhookReceiver(
        one.name,
        one.url.get_secret_value(),
        session,
        mention=mention,
        pace_seconds=one.pace_seconds,
        timeout_seconds=one.timeout_seconds,
        when_unsure=WhenUnsure(one.when_unsure),
        url_setting=f"{prefix}{'WEBHOOK_URL' if own is None else 'URL'}",
    )


def _make_outlet(one: Outlet, session: aiohttp.ClientSession) -> Receiver:
    wanted = one.settings
    prefix = f"NOTIFIER_RECEIVERS__{one.name.upper()}__"
    when_unsure = WhenUnsure(wanted.when_unsure)
    if isinstance(wanted, PagerDutyReceiverSettings):
        return PagerDutyReceiver(
            one.name,
            wanted.routing_key.get_secret_value(),
            wanted.base_url,
            session,
            pace_seconds=wanted.pace_seconds,
            timeout_seconds=wanted.timeout_seconds,
            when_unsure=when_unsure,
            key_setting=f"{prefix}ROUTING_KEY",
        )
    if isinstance(wanted, WebhookReceiverSettings):
        return WebhookReceiver(
            one.name,
            wanted.url.get_secret_value(),
            wanted.signing_secret.get_secret_value(),
            session,
            pace_seconds=wanted.pace_seconds,
            timeout_seconds=wanted.timeout_seconds,
            when_unsure=when_unsure,
            url_setting=f"{prefix}URL",
        )
    return AppriseReceiver(
        one.name,
        wanted.url.get_secret_value(),
        pace_seconds=wanted.pace_seconds,
        timeout_seconds=wanted.timeout_seconds,
        when_unsure=when_unsure,
        url_setting=f"{prefix}URL",
    )


def _has_own_token(own: ReceiverSettings | None) -> bool:
    return isinstance(own, SlackReceiverSettings) and own.bot_token is not None


def make_texts(settings: Settings, clock: Clock) -> Callable[[Message], Message]:
    """Return what puts the settings' texts into a message: nothing, where there are none."""
    if not settings.texts:
        return lambda message: message
    from notifier import texts  # noqa: PLC0415 - Jinja2 is for those who have texts of their own

    return texts.make_texts(
        {kind: texts.Text(one.headline, one.note) for kind, one in settings.texts.items()}, clock.now
    )
