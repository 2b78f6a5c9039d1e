"""Whether a signature link may be opened by a click.

Whoever may write events at Dintero chooses the link, so it is judged like any address from a stranger.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote, urlsplit

from notifier.domain.message import Link, Outside, RefusedLink
from notifier.domain.model import SignatureLink

MAX_URL_CHARS: Final = 3_000
"""Slack's limit for an address (docs.slack.dev, Block Kit, read 2026-08)."""

# What a host name or an IP address consists of: anything else, a browser might read as another host.
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")

_SAFE: Final = "!#$%&'()*+,/:;=?@[]~-._"


def assess_link(link: SignatureLink, label: str, allowed_hosts: tuple[str, ...] = ()) -> Link | RefusedLink:
    """Return the link fit to be clicked, or the refused one with the reason.

    `allowed_hosts` are host names, "*.example.com" for everything below one; empty allows every host.
    """
    reason = _find_fault(link.url, allowed_hosts)
    if reason:
        return RefusedLink(Outside(link.url), reason)
    return Link(quote(link.url, safe=_SAFE), label)


def _find_fault(url: str, allowed_hosts: tuple[str, ...]) -> str:
    if not url.lower().startswith("https://"):
        return "it does not start with https://"
    if "\\" in url or not _is_visible(url):
        return "it holds a space, a backslash or an invisible character"
    if len(quote(url, safe=_SAFE)) > MAX_URL_CHARS:
        return f"it is longer than {MAX_URL_CHARS:,} characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no valid address"
    return _find_host_fault(host, parts.netloc, allowed_hosts)


def _is_visible(url: str) -> bool:
    """Whether an address has no space in it, and nothing else that cannot be seen."""
    if url.isascii():
        return url.isprintable() and " " not in url
    return not any(unicodedata.category(character)[0] in "CZ" for character in url)


def _find_host_fault(host: str, netloc: str, allowed_hosts: tuple[str, ...]) -> str:
    if not _HOST.fullmatch(host):
        return "its host name is missing or not in plain letters"
    if "@" in netloc:
        return "it holds a user name, which hides the real host"
    if allowed_hosts and not any(_is_host(host, allowed.lower()) for allowed in allowed_hosts):
        return "its host is not among links.allowed_hosts"
    return ""


def _is_host(host: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return host.endswith(allowed[1:])
    return host == allowed
