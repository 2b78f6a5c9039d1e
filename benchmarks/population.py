"""Accounts and connections to read: each has been asked to sign, has signed, and is quiet."""

from collections.abc import Iterable
from typing import Final

from notifier.sandbox.account_book import AccountBook
from notifier.sandbox.account_shapes import Json

OWNER_ID: Final = "P11200000"
NAME: Final = "vipps"
NAMES: Final = ("vipps", "swish", "klarna", "two", "collector")

FIRST_ACCOUNT: Final = 10_000_000


def list_account_ids(count: int) -> tuple[str, ...]:
    """Return the ids of the first so many accounts."""
    return tuple(f"P{FIRST_ACCOUNT + number}" for number in range(count))


def make_path(account_id: str, name: str = NAME) -> str:
    """Return the path of a connection."""
    return f"/v1/accounts/{account_id}/management/settings/connections/{name}"


def make_book(accounts: int, names: Iterable[str] = (NAME,)) -> AccountBook:
    """Make a book of accounts that all have the same connections."""
    book = AccountBook(OWNER_ID)
    populate(book, accounts, names)
    return book


def populate(book: AccountBook, accounts: int, names: Iterable[str] = (NAME,)) -> None:
    """Add accounts that all have the same connections."""
    wanted = tuple(names)
    for number, account_id in enumerate(list_account_ids(accounts)):
        book.add_account(account_id, business_name=f"Fjordbris Sport nr. {number} AS")
        for name in wanted:
            book.apply(account_id, name)
            book.require_signature(account_id, name)
            book.set_status(account_id, name, "enabled")


def make_asking_connection(status: str = "pending") -> Json:
    """Make the object of a connection that waits for a signature, or has come to `status` since."""
    book = AccountBook(OWNER_ID)
    account_id = list_account_ids(1)[0]
    book.add_account(account_id)
    book.apply(account_id, NAME)
    book.require_signature(account_id, NAME)
    if status != "pending":
        book.set_status(account_id, NAME, status)
    return book.connection(account_id, NAME)
