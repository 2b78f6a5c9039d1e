"""What a workspace consists of: bots, webhooks, channels and messages."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bot:
    """An installed app: the name and icon people see, its ids, its token and scopes."""

    name: str
    token: str
    bot_id: str
    app_id: str
    user_id: str
    scopes: tuple[str, ...]
    icon: str = ""

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Bot({self.name!r}, {self.bot_id})"


@dataclass(slots=True)
class Message:
    """A message as it stands.

    Attributes:
        ts: its id in the channel, seconds and microseconds: `1700000000.000100`.
        text: the text as it was sent (truncated at 40,000).
        blocks: the blocks, or an empty list.
        bot_id: who posted it.
        thread_ts: the `ts` of the thread's root for a reply, else None.
        is_broadcast: a reply that the channel shows as well.
        metadata: `event_type` and `event_payload`, or None.
        edited_ts: when it was last edited, or None.
        edits: how many times it was edited.
        posted_at: monotonic seconds.
        is_webhook: posted by an incoming webhook.
    """

    ts: str
    channel_id: str
    text: str
    blocks: list[Json]
    bot_id: str
    posted_at: float
    thread_ts: str | None = None
    is_broadcast: bool = False
    metadata: Json | None = None
    edited_ts: str | None = None
    edits: int = 0
    is_webhook: bool = False
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None

    @property
    def is_in_channel(self) -> bool:
        """Whether the channel shows it: a root, or a reply that was broadcast."""
        return self.thread_ts is None or self.is_broadcast

    @property
    def shown_text(self) -> str:
        """Every piece of text that the blocks show, or the text when there are none."""
        return "\n".join(_texts(self.blocks)) if self.blocks else self.text


@dataclass(slots=True)
class Channel:
    """A channel with its messages by `ts`, oldest first, replies included."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_restricted: bool = False
    topic: str = ""
    members: set[str] = field(default_factory=set)
    messages: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[Message]] = field(default_factory=dict)

    def replies(self, root_ts: str) -> list[Message]:
        """Return the replies of a thread, oldest first."""
        return self.threads.get(root_ts, [])


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook: `path` is what follows the server's address."""

    path: str
    channel_id: str
    bot_id: str

    def __repr__(self) -> str:
        """Leave the path out: it is the credential."""
        return f"Webhook(to {self.channel_id})"


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    return [
        text
        for key, held in value.items()
        for text in ([held] if key in ("text", "url") and isinstance(held, str) else _texts(held))
    ]
