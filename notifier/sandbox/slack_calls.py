"""A call of a Web API method, and how Slack refuses one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from notifier.sandbox.conversation import Bot, Channel, Message
from notifier.sandbox.workspace import Workspace

TRUE = frozenset({"1", "true", "True"})


class Refused(Exception):
    """A call that Slack answers with `ok: false`."""

    def __init__(self, error: str, **fields: object) -> None:
        super().__init__(error)
        self.error = error
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a method: who calls, with which arguments, and in what circumstances.

    Attributes:
        workspace: what the call is about.
        bot: whose token the call carries.
        arguments: JSON values or, from a form or a query, strings.
        url: the server's address, for permalinks.
        shows: says whether history already shows a message.
    """

    workspace: Workspace
    bot: Bot
    arguments: Mapping[str, object]
    url: str
    shows: Callable[[Message], bool]

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text."""
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Return an argument as a boolean, however it was sent."""
        value = self.arguments.get(name)
        return value in TRUE if isinstance(value, str) else bool(value)

    def number(self, name: str, default: int) -> int:
        """Return an argument as a whole number."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise Refused("invalid_arguments") from None

    def json(self, name: str, error: str) -> object:
        """Return an argument that is JSON, or text that holds JSON."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refused(error) from None

    def need(self, *scopes: str) -> None:
        """Refuse unless the token has one of these scopes."""
        if not set(scopes) & set(self.bot.scopes):
            raise Refused("missing_scope", needed=scopes[0], provided=",".join(self.bot.scopes))

    def find_channel(self, *, by_name: bool = False) -> Channel:
        """Return the channel that the call names; a private one only to its members."""
        named = self.text("channel")
        channel = self.workspace.find_channel(named) if by_name else self.workspace.channels.get(named)
        if channel is None or (channel.is_private and self.bot.bot_id not in channel.members):
            raise Refused("channel_not_found")
        return channel
