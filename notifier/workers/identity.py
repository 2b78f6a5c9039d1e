"""What a worker is called, among all that have ever been."""

import os
from dataclasses import dataclass
from secrets import token_hex


@dataclass(frozen=True, slots=True)
class Identity:
    """One start of one worker: several on a host, or in containers that share its name, may have one `name`.

    `mark` tells it from another with the same process id, which every container counts from 1.
    """

    name: str
    pid: int
    mark: str

    @classmethod
    def make(cls, name: str) -> "Identity":
        """Return that of this process, which is only starting."""
        return cls(name, os.getpid(), token_hex(3))

    def __str__(self) -> str:
        return f"{self.name}/{self.pid}/{self.mark}"
