"""dintero-notifier: Dintero connections in, Slack messages out."""

__version__ = "0.1.0"
