"""The lock that keeps a second engine off a store: `flock` on a file beside it."""

import fcntl
import os
from pathlib import Path

from notifier.errors import StoreInUse, StoreUnavailable
from notifier.store.place import identify
from notifier.store.upkeep import open_private


class EngineLock:
    """One engine's lock on the store at a path: it goes with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Resolved: one file is one store, whatever links lead to it.
        self._name = f"{path.resolve()}.lock"
        self._handle = self._take()
        self._identity = identify(self._name)

    def hold(self) -> None:
        """Take it again where its file was removed: another engine could take a new one.

        Raises StoreInUse where one has.
        """
        if identify(self._name) == self._identity:
            return
        handle = self._take()
        os.close(self._handle)
        self._handle, self._identity = handle, identify(self._name)

    def release(self) -> None:
        """Let another engine have the store."""
        os.close(self._handle)

    def _take(self) -> int:
        try:
            handle = open_private(self._name)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot make {self._name}: {error.strerror}; check who owns the folder"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode("ascii"))
        except BlockingIOError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise StoreInUse(
                f"another notifier (process {holder or 'unknown'}) runs on the store {self._path}: "
                "stop it first, or give this one a store.url of its own"
            ) from error
        except OSError as error:
            os.close(handle)
            raise StoreUnavailable(f"cannot lock {self._name}: {error.strerror}") from error
        return handle
