"""The points at which a process that dies may leave things half done, each with a name.

A test may ask to be told when one is reached, to kill the process exactly there (`tests/chaos`). Nothing else
ever does, and then reaching one costs a look at one variable.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias


class Waypoint(StrEnum):
    """Every point between the answer that tells of something and the record that somebody was told."""

    MIGRATING = "migrating"
    """Before each step of a migration, in its transaction."""
    MIGRATED = "migrated"
    """After the last step, before the commit."""
    TAKEN_OVER = "taken_over"
    """What an earlier run was sending has been put in doubt."""
    READ = "read"
    """Dintero has answered with something that may be new."""
    CONFIRMED = "confirmed"
    """Dintero was asked whether a connection is gone."""
    DETECTED = "detected"
    """What is new is known, and nothing of it is written."""
    COMMITTING = "committing"
    """Before the commit of any transaction."""
    COMMITTED = "committed"
    """After the commit of any transaction."""
    KEPT = "kept"
    """What was read is in the store, and nobody has been woken for it."""
    CLAIMING = "claiming"
    """Before the next notification is marked as being sent."""
    CLAIMED = "claimed"
    """It is marked, and nothing has left."""
    LOOKING = "looking"
    """Before the receiver is asked for a message in doubt."""
    LOOKED = "looked"
    """After that, and perhaps before the message is sent again."""
    REQUESTING = "requesting"
    """Before the request with the message."""
    ANSWERED = "answered"
    """The receiver has answered, or the request has failed; what became of it is not recorded."""
    SETTLED = "settled"
    """What became of it is recorded."""
    STOPPING = "stopping"
    """The engine was asked to end."""
    STOPPED = "stopped"
    """Polls and deliveries have ended, or were given up."""
    GONE = "gone"
    """The last sign of life is written."""


Hook: TypeAlias = Callable[[Waypoint], None]

_hook: Hook | None = None


def reach(point: Waypoint) -> None:
    """Say that a point is reached; from any thread."""
    if _hook is not None:
        _hook(point)


def watch(hook: Hook | None) -> None:
    """Have a hook called at every point, in the thread that reaches it; None ends that."""
    global _hook  # noqa: PLW0603 - one process has one hook, and the store must not know who set it
    _hook = hook
