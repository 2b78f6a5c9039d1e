"""The tables. A change here needs a migration in `migrations/versions`; a test proves that both agree.

All of them are imported here, so that `metadata` is whole for whoever reads it.
"""

from notifier.store.tables.columns import Instant, metadata
from notifier.store.tables.delivery import attempts, cards, holds, incidents, notices, outbox, silences
from notifier.store.tables.state import (
    accounts,
    cases,
    changes,
    connections,
    events,
    known_values,
    problems,
    walks,
)
from notifier.store.tables.work import (
    budgets,
    engines,
    errands,
    receivers,
    restored,
    revisions,
    shards,
    version,
)

__all__ = [
    "Instant",
    "accounts",
    "attempts",
    "budgets",
    "cards",
    "cases",
    "changes",
    "connections",
    "engines",
    "errands",
    "events",
    "holds",
    "incidents",
    "known_values",
    "metadata",
    "notices",
    "outbox",
    "problems",
    "receivers",
    "restored",
    "revisions",
    "shards",
    "silences",
    "version",
    "walks",
]
