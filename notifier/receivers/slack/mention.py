"""Who is called by a message that is urgent: a person, a user group, or everybody in the channel.

Source: docs.slack.dev, "Formatting text for app surfaces" and the rich_text elements, read 2026-08.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from notifier.errors import ConfigError

_ID: Final = re.compile(r"<?[@!]?(?:subteam\^)?(?P<id>[USW][A-Z0-9]{2,})(?:\|[^<>]*)?>?")
_RANGES: Final = frozenset({"here", "channel", "everyone"})
_EXPECTED: Final = "expected a user's id (U…), a user group's id (S…), @here, @channel or @everyone"


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention in the two forms in which Slack takes it: a rich_text element, and mrkdwn."""

    element: tuple[tuple[str, str], ...]
    markup: str


def find_groups(texts: Iterable[str]) -> frozenset[str]:
    """Return the ids of the user groups among some mentions, as settings write them."""
    found = (read_mention(text) for text in texts)
    return frozenset(
        value for one in found if one is not None for name, value in one.element if name == "usergroup_id"
    )


def read_mention(text: str) -> Mention | None:
    """Return the mention that a setting names, None where it is empty. Raises ConfigError for anything else.

    Takes `U024BE7LH`, `S024BE7LH`, `@here`, and the same as Slack writes them (`<@U…>`, `<!subteam^S…>`,
    `<!here>`).
    """
    wanted = text.strip()
    if not wanted:
        return None
    word = wanted.strip("<>@! ").lower()
    if word in _RANGES:
        return Mention((("type", "broadcast"), ("range", word)), f"<!{word}>")
    found = _ID.fullmatch(wanted)
    if found is None:
        raise ConfigError(f"mention: {_EXPECTED}")
    called = found["id"]
    if called.startswith("S"):
        return Mention((("type", "usergroup"), ("usergroup_id", called)), f"<!subteam^{called}>")
    return Mention((("type", "user"), ("user_id", called)), f"<@{called}>")
