"""Who may read what in the sandbox's Dintero: clients, their tokens, their scopes."""

import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.sandbox.accounts import OWNER_ID, Record, full_owner_id
from notifier.sandbox.loopback import Clock

READING_SCOPES = frozenset({"read:accounts", "admin:accounts"})
TOKEN_SECONDS = 86_400


class Refused(Exception):
    """A request that Dintero answers with an error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Client:
    """A set of credentials: whose they are and what they may do."""

    client_id: str
    client_secret: str
    owner_id: str
    scopes: frozenset[str] = READING_SCOPES

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Client({self.client_id!r} of {self.owner_id})"


@dataclass(frozen=True, slots=True)
class _Grant:
    client: Client
    expires_at: datetime


class Credentials:
    """The clients that exist and the tokens they hold.

    Attributes:
        token_seconds: `expires_in` of the tokens given from now on.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without clients."""
        self.token_seconds = TOKEN_SECONDS
        self._clock = clock
        self._clients: dict[str, Client] = {}
        self._grants: dict[str, _Grant] = {}

    def add_client(
        self,
        client_id: str,
        client_secret: str,
        owner_id: str,
        scopes: Iterable[str] = READING_SCOPES,
    ) -> Client:
        """Add credentials, or replace those with the same client id."""
        client = Client(client_id, client_secret, full_owner_id(owner_id), frozenset(scopes))
        self._clients[client_id] = client
        return client

    def revoke_tokens(self) -> None:
        """Make every token given so far invalid."""
        self._grants.clear()

    def token(self, authorization: str, owner_id: str, asked: object, audiences: Iterable[str]) -> str:
        """Give a token for HTTP Basic credentials and a decoded body, or refuse."""
        client = self._client_of(authorization)
        if not isinstance(asked, dict) or asked.get("grant_type") != "client_credentials":
            raise Refused(400, "BAD REQUEST", "grant_type must be client_credentials")
        if not is_owner(client, owner_id):
            raise Refused(403, "FORBIDDEN", "the client belongs to another account")
        if not any(asked.get("audience") == audience for audience in audiences):
            raise Refused(403, "FORBIDDEN", "the audience is no grant of the client")
        token = f"sandbox.{secrets.token_urlsafe(24)}"
        self._grants[token] = _Grant(client, self._clock() + timedelta(seconds=self.token_seconds))
        return token

    def reader(self, token: str | None) -> Client:
        """Return the client whose token this is, if it may read accounts; refuse others."""
        grant = self._grants.get(token or "")
        if grant is None or grant.expires_at <= self._clock():
            raise Refused(401, "UNAUTHORIZED", "the access token is invalid or has expired")
        if not grant.client.scopes & READING_SCOPES:
            raise Refused(403, "FORBIDDEN", "the access token lacks the scope read:accounts")
        return grant.client

    def _client_of(self, authorization: str) -> Client:
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            user = password = ""
        client = self._clients.get(user)
        if scheme.lower() != "basic" or client is None or client.client_secret != password:
            raise Refused(401, "UNAUTHORIZED", "invalid client credentials")
        return client


def is_owner(client: Client, owner_id: str) -> bool:
    """Say whether an owner id, long or short, is the client's."""
    return OWNER_ID.fullmatch(owner_id) is not None and full_owner_id(owner_id) == client.owner_id


def may_read(client: Client, record: Record, account_id: str) -> bool:
    """Say whether an account is the client's own or one of its partner's."""
    return client.owner_id in (record.partner_id, account_id)
