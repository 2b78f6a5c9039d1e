"""Everything that an operator sets: `load_settings` reads it, `Settings` holds it.

`loading` says what is read and in which order, `files` and `toml_file` read it, and `layers` keep with every
value the place it came from. `model` and the other `…_model` are the settings (`section` is what each table
is), `values` and the other `…_values` the forms of single ones (`forms` is what their checks are made
of), `catalogue` the list of them all, `rules` what they must be to one another. `problems` writes mistakes as
sentences, and `receivers` is what the settings come to.
"""

from notifier.settings.loading import load_settings
from notifier.settings.model import (
    DeliverySettings,
    LinkSettings,
    LogSettings,
    NetworkSettings,
    Settings,
    SlackSettings,
    StoreSettings,
)
from notifier.settings.receiver_model import (
    AppriseReceiverSettings,
    PagerDutyReceiverSettings,
    SlackReceiverSettings,
    SlackWebhookReceiverSettings,
    WebhookReceiverSettings,
)
from notifier.settings.receivers import (
    Addressee,
    Addressees,
    Outlet,
    SlackChannel,
    SlackWebhook,
    find_address,
    list_addresses,
    list_secrets,
    resolve_receivers,
    resolve_sources,
)
from notifier.settings.source_model import PollSettings, SourceSettings

__all__ = [
    "Addressee",
    "Addressees",
    "AppriseReceiverSettings",
    "DeliverySettings",
    "LinkSettings",
    "LogSettings",
    "NetworkSettings",
    "Outlet",
    "PagerDutyReceiverSettings",
    "PollSettings",
    "Settings",
    "SlackChannel",
    "SlackReceiverSettings",
    "SlackSettings",
    "SlackWebhook",
    "SlackWebhookReceiverSettings",
    "SourceSettings",
    "StoreSettings",
    "WebhookReceiverSettings",
    "find_address",
    "list_addresses",
    "list_secrets",
    "load_settings",
    "resolve_receivers",
    "resolve_sources",
]
