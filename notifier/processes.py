"""The processes of this machine, or of this container: whether one of them is still the one that it was."""

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_STARTED_FIELD = 19
"""Behind the name in `/proc/<pid>/stat`: when it started, in ticks since the machine did (man 5 proc)."""


def is_running(pid: int, for_seconds: float) -> bool:
    """Whether a process with this id runs, and has run for so long: a younger one is another one.

    False where that cannot be told.
    """
    with suppress(OSError, ValueError, IndexError):
        uptime = float((_PROC / "uptime").read_text("ascii").split()[0])
        about = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return uptime - int(about[_STARTED_FIELD]) / os.sysconf("SC_CLK_TCK") >= for_seconds
    return False
