"""What a shard's row keeps between two passes, as bytes."""

from datetime import datetime
from typing import Final

import msgspec


class Saved(msgspec.Struct, array_like=True):
    """A shard's marks: when each target is due, in seconds since 1970, and what is remembered of them.

    `left_at` is when they were left. `rests` says of the targets that are left alone beyond their interval,
    since their source wants to be asked less often, when they were read last; `read` says of all of them when
    they were read last without a problem, while a backup that was restored is looked through.
    """

    due: dict[str, float] = msgspec.field(default_factory=dict)
    memory: bytes = b""
    left_at: float = 0.0
    rests: dict[str, float] = msgspec.field(default_factory=dict)
    read: dict[str, float] = msgspec.field(default_factory=dict)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Saved)


def read_marks(data: bytes) -> Saved:
    """Read a shard's marks; what cannot be read is as good as none."""
    try:
        return _DECODER.decode(data) if data else Saved()
    except msgspec.DecodeError:
        return Saved()


def write_marks(times: Saved, memory: bytes, now: datetime) -> bytes:
    """Return marks as they are kept, left now: with these times, and what is remembered."""
    return _ENCODER.encode(Saved(times.due, memory, now.timestamp(), times.rests, times.read))
