"""Which accounts stand on a page of a partner's list: places, limits, filters."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from itertools import islice

from notifier.sandbox.account_shapes import Json
from notifier.sandbox.accounts import Accounts, Record
from notifier.sandbox.credentials import Refused

DEFAULT_LIMIT = 10
MAX_LIMIT = 100


def page_of(accounts: Accounts, owner_id: str, asked: Mapping[str, str]) -> Iterator[Record]:
    """Yield the accounts of the page that `limit`, `starting_after` and the filters ask for."""
    limit = asked.get("limit", str(DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_LIMIT:
        raise Refused(400, "BAD REQUEST", f"limit must be 1 to {MAX_LIMIT}")
    start = _place_after(accounts, asked.get("starting_after"))
    listed = accounts.after(owner_id, start)
    return islice((record for record in listed if _is_wanted(record.json, asked)), int(limit))


def paging_token(sequence: int) -> str:
    """Return the opaque name of a place in the list."""
    return urlsafe_b64encode(f"place:{sequence}".encode()).decode()


def _place_after(accounts: Accounts, starting_after: str | None) -> int:
    """Return the place that a paging token or, in the older form, an account id names."""
    if starting_after is None:
        return 0
    place = _place_of_token(starting_after) or accounts.sequence_of(starting_after)
    if place is None:
        raise Refused(400, "BAD REQUEST", "starting_after names no place in the list")
    return place


def _place_of_token(token: str) -> int | None:
    try:
        name, _, place = b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError, ValueError):
        return None
    return int(place) if name == "place" and place.isdecimal() else None


def _is_wanted(account: object, asked: Mapping[str, str]) -> bool:
    """Say whether an account passes the filters `search`, `country` and `connections`.

    `connections` takes `{name}` and `{name}.status.{status}`, separated by commas; the
    second form follows the documented example of `services` and is not documented itself.
    """
    if not isinstance(account, dict):
        return True
    if "search" in asked and asked["search"] not in str(account.get("account_id")):
        return False
    if "country" in asked and asked["country"] != account.get("country"):
        return False
    if "connections" not in asked:
        return True
    held = account.get("connections")
    return isinstance(held, dict) and any(
        _holds(held, *wanted.partition(".status.")[::2]) for wanted in asked["connections"].split(",")
    )


def _holds(connections: Json, name: str, status: str) -> bool:
    connection = connections.get(name)
    if not status or not isinstance(connection, dict):
        return name in connections
    return connection.get("status") == status
