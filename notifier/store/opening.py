"""Which store an address stands for. PostgreSQL's driver is imported only where it is PostgreSQL's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from notifier.errors import ConfigError
from notifier.store.database import Database

if TYPE_CHECKING:
    from notifier.store.postgres import Announce, PostgresStore

AnyStore: TypeAlias = "Database | PostgresStore"

_S = TypeVar("_S", bound="AnyStore")


def is_postgres(url: str) -> bool:
    """Whether an address is one of PostgreSQL's."""
    return url.startswith("postgresql:")


def make_store(url: str, keys: Sequence[str] = (), announce: "Announce | None" = None) -> "AnyStore":
    """Return the store at an address, not yet opened.

    `keys` encrypt signature links; `announce` is for PostgreSQL alone, see there. Raises ConfigError.
    """
    if not is_postgres(url):
        return Database(url, keys)
    try:
        from notifier.store.postgres import PostgresStore  # noqa: PLC0415 - not for a file
    except ImportError as error:
        raise ConfigError(
            "store.url (NOTIFIER_STORE__URL): PostgreSQL needs packages that are not installed: "
            "pip install 'dintero-notifier[postgres]'"
        ) from error
    return PostgresStore(url, keys, announce)


def open_for_engine(store: _S, *, creates: bool) -> _S:
    """Open a store for an engine to work on, and return it; one that does not open is closed.

    Without `creates` it must be there already. Raises StoreError.
    """
    try:
        store.lock()
        store.open(creates=creates)
    except BaseException:
        store.close()
        raise
    return store
