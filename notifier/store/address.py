"""Where a PostgreSQL store is, read from `store.url`: what the driver needs, and what may be said of it."""

from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from notifier.errors import ConfigError

_PATIENCE: Final = {
    "connect_timeout": "5",
    # Somebody who is silently gone is noticed in 20 seconds; TCP alone waits for a quarter of an hour.
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "dintero-notifier",
}
"""What libpq is told unless the address says otherwise (seconds; `tcp_user_timeout` in milliseconds)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A database: libpq's parameters, of which the password is one, and its `name` for people."""

    parameters: dict[str, Any] = field(repr=False)
    name: str


def read_address(url: str) -> Address:
    """Read an address such as postgresql://user:password@host:5432/name?sslmode=require.

    Raises ConfigError, which quotes nothing of it.
    """
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.Error:
        # Not its cause either: libpq quotes what it cannot read.
        raise ConfigError(
            "store.url (NOTIFIER_STORE__URL): libpq does not understand this address: check the port, "
            "the options behind the question mark, and that special characters in the password stand as %XX."
        ) from None
    name = str(parameters.get("dbname") or "")
    host = str(parameters.get("host") or parameters.get("hostaddr") or "this machine")
    port = parameters.get("port")
    where = f"{host}:{port}" if port else host
    return Address(_PATIENCE | parameters, f"the database {name} on {where}")
