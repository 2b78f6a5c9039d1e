"""Whose eyes are used to look at Dintero."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final

# docs.dintero.com, "Get token", read 2026-08: the audience is a name, the same whatever host is asked.
AUDIENCE: Final = "https://api.dintero.com/v1/accounts/{account_id}"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of the header that says who asks; it never shows itself."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client of one account (or partner) of Dintero; neither half of it ever shows itself."""

    account_id: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)

    @property
    def audience(self) -> str:
        """What the token is asked for."""
        return AUDIENCE.format(account_id=self.account_id)

    def make_basic(self) -> Authorization:
        """Make what a token is asked for with (RFC 7617, in UTF-8)."""
        pair = f"{self.client_id}:{self.client_secret}"
        return Authorization(f"Basic {b64encode(pair.encode()).decode()}")
