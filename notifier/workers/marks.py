"""What a shard's row keeps between two passes, as bytes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec


class Saved(msgspec.Struct, array_like=True):
    """A shard's marks: when each target is due, in seconds since 1970, and what is remembered of them.

    `left_at` is when they were left.
    """

    due: dict[str, float] = msgspec.field(default_factory=dict)
    memory: bytes = b""
    left_at: float = 0.0


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Saved)


def read_marks(data: bytes) -> Saved:
    """Read a shard's marks; what cannot be read is as good as none."""
    try:
        return _DECODER.decode(data) if data else Saved()
    except msgspec.DecodeError:
        return Saved()


def write_marks(due: Mapping[str, float], memory: bytes, now: datetime) -> bytes:
    """Return marks as they are kept, left now."""
    return _ENCODER.encode(Saved(dict(due), memory, now.timestamp()))
