"""One connection: an object with `status`, `events[]` and its applications.

docs.dintero.com, "Vipps connection" and its siblings, read 2026-08. `configuration` holds merchant numbers
and keys: it is no field here, so its bytes are passed over and never become a value.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from notifier.dintero.wire import fields
from notifier.dintero.wire.failures import clean
from notifier.dintero.wire.place import Place
from notifier.domain.model import (
    Account,
    AccountSnapshot,
    ConnectionKey,
    ConnectionSnapshot,
    Event,
    SignatureLink,
    Signup,
)
from notifier.errors import SourceMalformed

TEST_PREFIX: Final = "T"


class _Connection(msgspec.Struct):
    status: msgspec.Raw = fields.EMPTY
    events: msgspec.Raw = fields.EMPTY
    signup: msgspec.Raw = fields.EMPTY
    signups: msgspec.Raw = fields.EMPTY
    direct_signups: msgspec.Raw = fields.EMPTY
    created_at: msgspec.Raw = fields.EMPTY
    updated_at: msgspec.Raw = fields.EMPTY

    def is_blank(self) -> bool:
        """Whether none of the fields is there."""
        return not any(bytes(getattr(self, name)) for name in self.__struct_fields__)


class _Event(msgspec.Struct):
    id: msgspec.Raw = fields.EMPTY
    status: msgspec.Raw = fields.EMPTY
    event: msgspec.Raw = fields.EMPTY
    created_at: msgspec.Raw = fields.EMPTY
    description: msgspec.Raw = fields.EMPTY
    metadata: msgspec.Raw = fields.EMPTY


class _Metadata(msgspec.Struct):
    signature_link: msgspec.Raw = fields.EMPTY


class _Signup(msgspec.Struct):
    id: msgspec.Raw = fields.EMPTY
    case_id: msgspec.Raw = fields.EMPTY
    signup_id: msgspec.Raw = fields.EMPTY
    created_at: msgspec.Raw = fields.EMPTY
    expires_at: msgspec.Raw = fields.EMPTY


_CONNECTION: Final = msgspec.json.Decoder(_Connection)
_EVENT: Final = msgspec.json.Decoder(_Event)
_METADATA: Final = msgspec.json.Decoder(_Metadata)
_SIGNUP: Final = msgspec.json.Decoder(_Signup)

Report = Callable[[str], None]


def decode_connection(body: bytes, key: ConnectionKey, place: Place) -> AccountSnapshot:
    """Read the answer of `…/connections/{name}`: one connection, of a merchant it does not name.

    Raises SourceMalformed when it is no connection at all.
    """
    try:
        connection = fields.decode(_CONNECTION, body)
    except fields.Undecodable as error:
        raise SourceMalformed(f"Dintero answered {error} for {place}.", status=200) from None
    if connection.is_blank():
        raise SourceMalformed(
            f"Dintero answered an object without any field of a connection for {place}.", status=200
        )
    problems: list[str] = []
    snapshot = _build(connection, key, problems.append)
    account = Account(key.account_id, is_live=not key.account_id.startswith(TEST_PREFIX))
    return AccountSnapshot(account, (snapshot,), is_complete=False, problems=tuple(map(clean, problems)))


def read_connection(raw: msgspec.Raw, key: ConnectionKey, report: Report) -> ConnectionSnapshot | None:
    """Read one member of an account's `connections`; None, and a report, when it is no object."""
    try:
        connection = fields.decode(_CONNECTION, raw)
    except fields.Undecodable as error:
        report(f"connection {key} cannot be read: it is {error}")
        return None
    return _build(connection, key, report)


def has_connection_fields(raw: msgspec.Raw) -> bool:
    """Whether an object is itself a connection: it has a status, events or applications."""
    try:
        connection = fields.decode(_CONNECTION, raw)
    except fields.Undecodable:
        return False
    telling = (connection.events, connection.signup, connection.signups, connection.direct_signups)
    has_status = bool(bytes(connection.status)) and not fields.is_object(connection.status)
    return has_status or any(bytes(raw) for raw in telling)


def _build(connection: _Connection, key: ConnectionKey, report: Report) -> ConnectionSnapshot:
    return ConnectionSnapshot(
        key=key,
        status=fields.read_label(connection.status),
        created_at=fields.read_instant(connection.created_at),
        updated_at=fields.read_instant(connection.updated_at),
        signups=tuple(dict.fromkeys(_read_signups(connection, key, report))),
        events=tuple(_read_events(connection.events, key, report)),
    )


def _read_events(raw: msgspec.Raw, key: ConnectionKey, report: Report) -> Iterator[Event]:
    elements = fields.read_list(raw)
    if elements is None:
        report(f"connection {key}: its events are no list, and were left out")
        return
    for number, element in enumerate(elements, start=1):
        try:
            event = fields.decode(_EVENT, element)
        except fields.Undecodable:
            report(f"connection {key}: its event number {number} is no object, and was left out")
            continue
        description = fields.read_text(event.description) or ""
        yield Event(
            event_id=fields.read_label(event.id),
            status=fields.read_label(event.status),
            name=fields.read_label(event.event) or "",
            created_at=fields.read_instant(event.created_at),
            description=description[: fields.DESCRIPTION_CHARACTERS],
            link=_read_link(event.metadata),
        )


def _read_link(raw: msgspec.Raw) -> SignatureLink | None:
    """Read `metadata.signature_link`: a text as it is, anything else as its JSON text."""
    if fields.is_absent(raw):
        return None
    try:
        metadata = fields.decode(_METADATA, raw)
    except fields.Undecodable:
        return None
    text = fields.read_json(metadata.signature_link)
    return SignatureLink(text[: fields.LINK_CHARACTERS]) if text else None


def _read_signups(connection: _Connection, key: ConnectionKey, report: Report) -> Iterator[Signup]:
    """Read `signups[]` and `direct_signups[]`, then `signup`, which is the current one where it stands."""
    for name, raw in (("signups", connection.signups), ("direct_signups", connection.direct_signups)):
        elements = fields.read_list(raw)
        if elements is None:
            report(f"connection {key}: its {name} are no list, and were left out")
            continue
        for element in elements:
            yield from _read_signup(element, name, key, report)
    if not fields.is_absent(connection.signup):
        yield from _read_signup(connection.signup, "signup", key, report)


def _read_signup(raw: msgspec.Raw, name: str, key: ConnectionKey, report: Report) -> Iterator[Signup]:
    try:
        signup = fields.decode(_SIGNUP, raw)
    except fields.Undecodable:
        report(f"connection {key}: something in its {name} is no object, and was left out")
        return
    signup_id = (
        fields.read_label(signup.id)
        or fields.read_label(signup.case_id)
        or fields.read_label(signup.signup_id)
    )
    created_at = fields.read_instant(signup.created_at)
    expires_at = fields.read_instant(signup.expires_at)
    if signup_id is not None or created_at is not None or expires_at is not None:
        yield Signup(signup_id, created_at, expires_at)
