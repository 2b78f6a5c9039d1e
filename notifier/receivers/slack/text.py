"""Text for Slack: escaped, and dead where Slack reads markup.

Sources: Slack's "Formatting text for app surfaces" and the reference of `chat.postMessage` (docs.slack.dev,
read 2026-08).
"""

from typing import Final

from notifier.receivers.text import deaden_marks

MAX_URL_CHARS: Final = 3_000
"""Slack's limit for an address (docs.slack.dev, Block Kit, read 2026-08)."""


def escape(text: str) -> str:
    """Return our own words for mrkdwn: `&`, `<` and `>` are the only characters Slack asks to escape."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def deaden(text: str) -> str:
    """Return cleaned text from outside for mrkdwn, where no part of it makes markup, a link or an emoji.

    Escaping alone leaves `*x*`, `:smile:` and bare addresses alive.
    """
    if text.isalnum():
        # Letters and digits, as in most names and ids, are no markup.
        return text
    return escape(deaden_marks(text))


def is_clickable(url: str) -> bool:
    """Whether an address may stand as a link: a web address, not longer than Slack takes."""
    return url.startswith(("https://", "http://")) and len(url) <= MAX_URL_CHARS
