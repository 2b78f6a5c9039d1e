"""The care that an engine takes of its open store: before a transaction, after it, and after one failed."""

from pathlib import Path

from sqlalchemy import Engine, text

from notifier.errors import StoreError, StoreUnavailable, StoreUnusable
from notifier.store.driver import find_driver
from notifier.store.faults import damaged, explained
from notifier.store.lock import EngineLock
from notifier.store.place import Place
from notifier.store.upkeep import clean


class Guard:
    """Watches over one open file; made before it is opened. Everything here runs in the store's thread."""

    def __init__(self, path: Path, lock: EngineLock | None) -> None:
        self._what = f"the store {path}"
        self._place = Place(path)
        self._lock = lock
        self._is_damaged = False

    def check_before(self, engine: Engine) -> None:
        """Raise StoreError unless a transaction can begin: the file is still the one, ours, and sound."""
        with explained(self._what):
            if self._lock is not None:
                self._lock.hold()
            self._place.require_same()
            if self._place.has_lost_log():
                self._save_lost_log(engine)
            if self._is_damaged:
                self.require_undamaged(engine)

    def check_after(self) -> None:
        """Raise StoreError where what was just committed went into a file that is not there any more."""
        with explained(self._what):
            self._place.require_same()
            self._place.note_log()

    def suspect(self, engine: Engine, error: StoreError) -> None:
        """Let the next transaction open the file anew: what is open may be what is wrong.

        A file that was found damaged is read as a whole before anything is written to it again.
        """
        self._is_damaged = self._is_damaged or isinstance(error, StoreUnusable)
        if not self._place.has_lost_log():
            self._place.forget_log()
            engine.dispose()

    def require_undamaged(self, engine: Engine) -> None:
        """Read the whole file. Raises StoreUnusable where it is damaged."""
        with engine.connect() as connection:
            found = connection.execution_options(reads_only=True).execute(text("PRAGMA quick_check(1)"))
            is_sound = found.scalar() == "ok"
        if not is_sound:
            engine.dispose()
            raise damaged(self._what)
        self._is_damaged = False

    def _save_lost_log(self, engine: Engine) -> None:
        """Bring what stands only in a log that somebody removed into the file itself, and begin a new log."""
        with engine.connect() as connection:
            is_saved = clean(find_driver(connection), compacts=False)
        if not is_saved:
            raise StoreUnavailable(
                f"{self._what} has lost its log, and another program reads it: close that program"
            )
        self._place.forget_log()
        engine.dispose()
