"""Names for things that carry none: the same input gives the same name in every process, for ever.

Changing anything here makes every stored event look new: see docs/adr/0002-event-identity.md.
"""

from datetime import datetime
from hashlib import blake2b

from notifier.domain.model import ConnectionKey, Event, SignatureLink

_SEPARATOR = "\x1f"


def name_of(*parts: str | None, size_bytes: int = 12) -> str:
    """Return the hexadecimal name of some texts; None and "" are different."""
    text = _SEPARATOR.join("\x00" if part is None else part for part in parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size_bytes).hexdigest()


def digest_event(event: Event) -> str:
    """Return what an event without an id is known by: what it is, and when it was created."""
    return name_of("event", event.name, event.status, _text_of(event.created_at))


def name_event(key: ConnectionKey, event: Event) -> str:
    """Return the key of a new event: made from its id, or from its digest where it has none."""
    own = ("id", event.event_id) if event.event_id is not None else ("digest", digest_event(event))
    return name_of("event-key", key.account_id, key.name, *own)


def digest_link(link: SignatureLink | None) -> str:
    """Return what a link is compared by once the link itself is no longer kept; "" for none."""
    return "" if link is None else name_of("link", link.url)


def name_case(key: ConnectionKey, signup_id: str | None, ordinal: int) -> str:
    """Return the id of a case: made from its signup, or from its number where the signup has no id."""
    own = ("signup", signup_id) if signup_id is not None else ("number", str(ordinal))
    return name_of("case", key.account_id, key.name, *own, size_bytes=8)


def _text_of(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="microseconds")
