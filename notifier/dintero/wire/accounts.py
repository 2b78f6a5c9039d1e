"""Accounts: one with all its connections, or a partner's page of them.

docs.dintero.com, management API, read 2026-08. `applicant` is personal data: like `configuration` it is no
field here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import msgspec

from notifier.dintero.wire import fields
from notifier.dintero.wire.connections import TEST_PREFIX, has_connection_fields, read_connection
from notifier.dintero.wire.failures import clean
from notifier.dintero.wire.place import Place
from notifier.domain.model import Account, AccountSnapshot, ConnectionKey, ConnectionSnapshot
from notifier.domain.watch import DIGEST_BYTES
from notifier.errors import SourceMalformed

PAYEX: Final = "payex"
"""The one connection that holds an object for each payment product type."""

# Members of `connections.payex` that are its own, whatever their type, and no payment product.
_NO_PRODUCTS: Final = frozenset(
    {
        "configuration", "created_at", "created_by", "direct_signups", "events", "metadata", "schema",
        "signup", "signups", "status", "updated_at",
    }
)  # fmt: skip


class _Company(msgspec.Struct):
    display_name: msgspec.Raw = fields.EMPTY
    business_name: msgspec.Raw = fields.EMPTY


class _Account(msgspec.Struct):
    account_id: msgspec.Raw = fields.EMPTY
    livemode: msgspec.Raw = fields.EMPTY
    company: msgspec.Raw = fields.EMPTY
    connections: msgspec.Raw = fields.EMPTY


class _Element(msgspec.Struct):
    account_id: msgspec.Raw = fields.EMPTY
    paging_token: msgspec.Raw = fields.EMPTY


_COMPANY: Final = msgspec.json.Decoder(_Company)
_ACCOUNT: Final = msgspec.json.Decoder(_Account)
_ELEMENT: Final = msgspec.json.Decoder(_Element)
_PAGE: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Element:
    """One account on a page: `account_id` is "" where it has none that can be read."""

    account_id: str
    digest: bytes
    raw: msgspec.Raw = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a partner's accounts; `cursor` is what the next page starts after, None where unknown."""

    elements: tuple[Element, ...]
    cursor: str | None


def digest_bytes(data: bytes | msgspec.Raw) -> bytes:
    """Make the bytes that stand for an answer."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def decode_account(body: bytes, account_id: str, names: frozenset[str], place: Place) -> AccountSnapshot:
    """Read an account object, only the connections called `names` when it is not empty.

    The account is the one that was asked for, whatever the answer calls itself. Raises SourceMalformed when
    it is no account at all.
    """
    try:
        account = fields.decode(_ACCOUNT, body)
    except fields.Undecodable as error:
        raise SourceMalformed(f"Dintero answered {error} for {place}.", status=200) from None
    if not bytes(account.account_id) and not bytes(account.connections):
        raise SourceMalformed(
            f"Dintero answered an object without any field of an account for {place}.", status=200
        )
    snapshot = _build(account, account_id, names)
    if snapshot is None:
        raise SourceMalformed(f"Dintero answered connections that are no object for {place}.", status=200)
    return snapshot


def decode_page(body: bytes, place: Place) -> Page:
    """Split a page of accounts into its elements. Raises SourceMalformed when it is no list."""
    try:
        raws = fields.decode(_PAGE, body)
    except fields.Undecodable as error:
        raise SourceMalformed(f"Dintero answered {error} for {place}.", status=200) from None
    elements: list[Element] = []
    cursor: str | None = None
    for raw in raws:
        account_id, cursor = _read_ids(raw)
        elements.append(Element(account_id or "", digest_bytes(raw), raw))
    return Page(tuple(elements), cursor)


def _read_ids(raw: msgspec.Raw) -> tuple[str | None, str | None]:
    """Read the account id, and the cursor: `paging_token`, or the id where there is none."""
    try:
        element = fields.decode(_ELEMENT, raw)
    except fields.Undecodable:
        return None, None
    account_id = fields.read_text(element.account_id) or None
    return account_id, fields.read_label(element.paging_token) or account_id


def read_element(element: Element, names: frozenset[str]) -> AccountSnapshot:
    """Read one account of a page; what cannot be read is named in its `problems`, and nothing is raised."""
    if not element.account_id:
        problem = "an account on the partner's list has no account_id that can be read, and was left out"
        return AccountSnapshot(Account(""), (), is_complete=False, problems=(problem,))
    try:
        snapshot = _build(fields.decode(_ACCOUNT, element.raw), element.account_id, names)
    except fields.Undecodable:
        snapshot = None
    if snapshot is None:
        problem = clean(f"the connections of {element.account_id} are no object, and were left out")
        account = Account(element.account_id, is_live=not element.account_id.startswith(TEST_PREFIX))
        return AccountSnapshot(account, (), is_complete=False, problems=(problem,))
    return snapshot


def _build(account: _Account, account_id: str, names: frozenset[str]) -> AccountSnapshot | None:
    """Build a snapshot; None when `connections` is there and is no object."""
    absent = fields.is_absent(account.connections)
    members = {} if absent else fields.read_object(account.connections)
    if members is None:
        return None
    problems: list[str] = []
    unreadable: set[str] = set()
    connections: list[ConnectionSnapshot] = []
    stated = fields.read_text(account.account_id)
    if stated and stated != account_id and not (stated in account_id or account_id in stated):
        problems.append(f"asked for {account_id}, Dintero answered with another account's id")
    for name, raw in _list_connections(members):
        if not is_watched(name, names):
            continue
        connection = read_connection(raw, ConnectionKey(account_id, name), problems.append)
        if connection is None:
            unreadable.add(name)
        else:
            connections.append(connection)
    return AccountSnapshot(
        account=Account(account_id, _read_merchant(account.company), _read_livemode(account, account_id)),
        connections=tuple(connections),
        is_complete=not unreadable,
        # The names in them are whatever Dintero called things.
        problems=tuple(map(clean, problems)),
        unreadable=frozenset(unreadable),
    )


def is_watched(name: str, names: frozenset[str]) -> bool:
    """Whether `names` has a connection: all are in an empty one, and `payex` stands for its products."""
    return not names or name in names or (name.startswith(f"{PAYEX}/") and PAYEX in names)


def _list_connections(members: dict[str, msgspec.Raw]) -> Iterator[tuple[str, msgspec.Raw]]:
    """List the connections of an account by name, those inside `payex` as `payex/{product}`."""
    for member, raw in members.items():
        name = member.replace("\0", "\ufffd")
        if fields.is_absent(raw):
            continue
        products = fields.read_object(raw) if name == PAYEX else None
        if products is None:
            yield name, raw
            continue
        if has_connection_fields(raw):
            yield name, raw
        for product, inner in products.items():
            if product not in _NO_PRODUCTS and not fields.is_absent(inner):
                yield f"{PAYEX}/{product}", inner


def _read_merchant(raw: msgspec.Raw) -> str:
    """Read the company's name as people know it, "" where it has none."""
    if fields.is_absent(raw):
        return ""
    try:
        company = fields.decode(_COMPANY, raw)
    except fields.Undecodable:
        return ""
    return fields.read_text(company.display_name) or fields.read_text(company.business_name) or ""


def _read_livemode(account: _Account, account_id: str) -> bool:
    """Read `livemode`, else what the account id says."""
    if bytes(account.livemode) in {b"true", b"false"}:
        return bytes(account.livemode) == b"true"
    return not account_id.startswith(TEST_PREFIX)
