"""Who is told of a change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

from notifier.domain.change import Change, Topic
from notifier.domain.model import DECLINED, ENABLED, FAILED, SIGNATURE_REQUIRED, Account

SALES: Final = "sales"
ONCALL: Final = "oncall"


@dataclass(frozen=True, slots=True)
class Route:
    """Receivers for the changes that match every given field.

    `events` match Dintero's event names and this product's topics, the other fields what their names say; all
    are globs ("P1*"), and an empty field matches everything. The first route that matches decides, unless it
    `continues`.
    """

    receivers: tuple[str, ...]
    events: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    livemode: bool | None = None
    continues: bool = False

    def matches(self, change: Change, account: Account) -> bool:
        """Whether this route is for the change."""
        return (
            (self.livemode is None or self.livemode == account.is_live)
            and _is_any(self.events, change.topic)
            and _is_any(self.statuses, change.status or "")
            and _is_any(self.connections, change.key.name)
            and _is_any(self.accounts, change.key.account_id)
        )


DEFAULT_ROUTES: Final = (
    Route(receivers=(ONCALL,), events=(Topic.UNKNOWN_VALUE,)),
    Route(receivers=(SALES,), events=(Topic.WITHDRAWN, Topic.RETURNED, Topic.UNWATCHED)),
    Route(receivers=(ONCALL, SALES), statuses=(FAILED, DECLINED)),
    Route(receivers=(SALES,), events=(SIGNATURE_REQUIRED, Topic.LINK_REPLACED)),
    Route(receivers=(SALES,), statuses=(ENABLED,)),
    Route(receivers=(), events=(Topic.APPLIED,)),
    Route(receivers=(SALES,)),
)
"""Signatures and what follows them to sales, failures and refusals to on-call as well; an application that
asks nothing of anybody yet is told to nobody."""


def route_change(change: Change, account: Account, routes: tuple[Route, ...]) -> tuple[str, ...]:
    """Return the names of the receivers to tell, each once, in the order of the routes."""
    names: list[str] = []
    for route in routes:
        if route.matches(change, account):
            names += [name for name in route.receivers if name not in names]
            if not route.continues:
                break
    return tuple(names)


def resolve_receivers(names: tuple[str, ...], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Return the real receivers behind names such as "oncall" where no receiver is called so."""
    resolved: list[str] = []
    for name in names:
        real = aliases.get(name, name)
        if real not in resolved:
            resolved.append(real)
    return tuple(resolved)


def _is_any(patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(_compile(pattern).match(value) is not None for pattern in patterns)


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
