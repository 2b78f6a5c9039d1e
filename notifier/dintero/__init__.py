"""The source: Dintero, read over HTTP with one set of credentials."""

from notifier.dintero.client import Transport
from notifier.dintero.credentials import Credentials
from notifier.dintero.retry import Retry, RetryPolicy
from notifier.dintero.source import DinteroSource

__all__ = ["Credentials", "DinteroSource", "Retry", "RetryPolicy", "Transport"]
