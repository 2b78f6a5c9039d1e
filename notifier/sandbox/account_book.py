"""The truth that the sandbox's Dintero serves: connections, their signups and events.

`AccountBook` is plain Python without input or output. Every change is one method call;
everything that was ever recorded stays in `truth()`, whatever is removed later.
"""

from datetime import datetime, timedelta
from enum import Enum

from notifier.sandbox.account_shapes import (
    SIGNUP_LIFETIME,
    Json,
    add_signup,
    connection_object,
    event_object,
    made_up_id,
    timestamp,
)
from notifier.sandbox.accounts import Accounts, Record
from notifier.sandbox.loopback import Clock, utc_now
from notifier.sandbox.truth import RecordedEvent, Signup, StatusChange


class Invented(Enum):
    """Says that the book is to invent a value; None means that the field is absent."""

    VALUE = "invented"


INVENTED = Invented.VALUE


class AccountBook(Accounts):
    """Accounts and their connections, changed by method calls and read as JSON objects."""

    def __init__(self, owner_id: str, clock: Clock = utc_now) -> None:
        """Start empty; accounts belong to this partner unless another is named."""
        super().__init__(owner_id, clock)
        self._events: list[RecordedEvent] = []
        self._status_changes: list[StatusChange] = []

    def apply(
        self,
        account_id: str,
        name: str,
        *,
        status: str = "pending",
        lifetime: timedelta = SIGNUP_LIFETIME,
        has_signup: bool = True,
    ) -> Signup:
        """Create the connection with a first signup and no event, as a new application does."""
        record = self.record(account_id)
        now = self._clock()
        self._put(record, name, connection_object(name, status, now))
        self._status_changes.append(StatusChange(account_id, name, status, now, has_event=False))
        if not has_signup:
            self._changed(record)
            return Signup("", "", now, now + lifetime)
        return self._new_signup(account_id, name, lifetime)

    def restart_signup(self, account_id: str, name: str, *, lifetime: timedelta = SIGNUP_LIFETIME) -> Signup:
        """Start the signup again: a new id, address and expiry, and the status `pending`."""
        connection = self.connection(account_id, name)
        if connection["status"] != "pending":
            connection["status"] = "pending"
            self._status_changes.append(
                StatusChange(account_id, name, "pending", self._clock(), has_event=False)
            )
        return self._new_signup(account_id, name, lifetime)

    def require_signature(
        self,
        account_id: str,
        name: str,
        *,
        link: object = INVENTED,
        description: str | None = "Awaiting signature",
        event_id: str | Invented | None = INVENTED,
        created_at: datetime | None = None,
    ) -> str | None:
        """Record `signature_required`; `link` may be anything, None leaves it out.

        Returns the event's id.
        """
        if link is INVENTED:
            count = len(self.connection(account_id, name)["events"]) + 1
            link = invented_link(account_id, name, count)
        return self.add_event(
            account_id,
            name,
            status="pending",
            event="signature_required",
            description=description,
            link=link,
            event_id=event_id,
            created_at=created_at,
        )

    def set_status(
        self,
        account_id: str,
        name: str,
        status: str,
        *,
        with_event: bool = True,
        event: str | None = None,
        description: str | None = None,
        event_id: str | Invented | None = INVENTED,
        created_at: datetime | None = None,
    ) -> str | None:
        """Change the status, with an event that says so or without; returns the event's id."""
        if with_event:
            return self.add_event(
                account_id,
                name,
                status=status,
                event=status if event is None else event,
                description=description or f"{name} {status}",
                event_id=event_id,
                created_at=created_at,
            )
        connection = self.connection(account_id, name)
        connection["status"] = status
        now = self._touch(account_id, name)
        self._status_changes.append(StatusChange(account_id, name, status, now, has_event=False))
        return None

    def add_event(
        self,
        account_id: str,
        name: str,
        *,
        status: str,
        event: str | None,
        description: str | None = None,
        link: object = None,
        event_id: str | Invented | None = INVENTED,
        created_at: datetime | None = None,
        sets_status: bool = True,
    ) -> str | None:
        """Record an event of any kind; the connection takes its status unless told not to."""
        record = self.record(account_id)
        connection = self.connection(account_id, name)
        at = created_at or self._clock()
        if isinstance(event_id, Invented):
            event_id = made_up_id(account_id, name, "event", len(self._events))
        connection["events"].append(
            event_object(
                event_id=event_id,
                status=status,
                event=event,
                description=description,
                link=link,
                created_at=at,
            )
        )
        if sets_status and connection["status"] != status:
            connection["status"] = status
            self._status_changes.append(StatusChange(account_id, name, status, at, has_event=True))
        self._touch(account_id, name)
        signup_id = record.signup_ids.get(name)
        self._events.append(RecordedEvent(account_id, name, event_id, status, event, at, link, signup_id))
        return event_id

    def replace_link(self, account_id: str, name: str, link: object = INVENTED) -> object:
        """Replace the link of the newest event that has one; the event stays the same.

        Returns the new link.
        """
        events = self.connection(account_id, name)["events"]
        if link is INVENTED:
            link = invented_link(account_id, name, self.version)
        for event in reversed(events):
            if "signature_link" in event["metadata"]:
                event["metadata"]["signature_link"] = link
                self._touch(account_id, name)
                return link
        msg = f"no event of {account_id} {name} has a link"
        raise LookupError(msg)

    def put_raw_connection(self, account_id: str, name: str, value: object) -> None:
        """Put any JSON value in the connection's place: it is served exactly as it is."""
        record = self.record(account_id)
        self._put(record, name, value)
        self._changed(record)

    def remove_connection(self, account_id: str, name: str) -> None:
        """Remove a connection; what happened to it stays in `truth()`."""
        record = self.record(account_id)
        holder, key = self._place(record, name)
        del holder[key]
        self._changed(record)

    def truth(self) -> tuple[RecordedEvent, ...]:
        """Return every event ever recorded, in the order in which it was recorded."""
        return tuple(self._events)

    def status_changes(self) -> tuple[StatusChange, ...]:
        """Return every status that a connection took, in order, events or not."""
        return tuple(self._status_changes)

    def connection(self, account_id: str, name: str) -> Json:
        """Return the connection object itself; call `changed` after changing it by hand."""
        holder, key = self._place(self.record(account_id), name)
        found = holder[key]
        if not isinstance(found, dict):
            msg = f"a raw value stands in the place of {account_id} {name}"
            raise TypeError(msg)
        return found

    def _new_signup(self, account_id: str, name: str, lifetime: timedelta) -> Signup:
        record = self.record(account_id)
        connection = self.connection(account_id, name)
        now = self._clock()
        count = record.signup_counts.get(name, 0) + 1
        record.signup_counts[name] = count
        signup_id = made_up_id(account_id, name, "signup", count)
        url = f"https://signup.example.com/{signup_id}"
        expires_at = add_signup(connection, name, signup_id=signup_id, url=url, at=now, lifetime=lifetime)
        record.signup_ids[name] = signup_id
        self._touch(account_id, name)
        return Signup(signup_id, url, now, expires_at)

    def _touch(self, account_id: str, name: str) -> datetime:
        now = self._clock()
        self.connection(account_id, name)["updated_at"] = timestamp(now)
        self._changed(self.record(account_id))
        return now

    def _put(self, record: Record, name: str, value: object) -> None:
        holder, key = self._place(record, name)
        holder[key] = value

    def _place(self, record: Record, name: str) -> tuple[Json, str]:
        """Return the object that holds the connection and the key under which it stands."""
        connections: Json = record.json.setdefault("connections", {})
        group, _, product = name.partition("/")
        if not product:
            return connections, name
        products: Json = connections.setdefault(group, {})
        return products, product


def invented_link(account_id: str, name: str, count: int) -> str:
    """Return a signature link such as `https://sign.example.com/vipps/K34K244…`."""
    token = made_up_id(account_id, name, "link", count).replace("-", "")[:12].upper()
    return f"https://sign.example.com/{name}/{token}"
