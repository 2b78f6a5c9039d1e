"""A Dintero, a Slack and a folder with a store: all that the program needs to live between them."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from notifier.sandbox import SandboxDintero, SandboxSlack
from tests.chaos.ledger import CHANNELS, Board
from tests.chaos.nursery import REPOSITORY, Life, Nursery

TIMEOUT_SECONDS: Final = 0.8
"""The longest that a request to Slack takes."""
LATE_SECONDS: Final = 0.4
"""How much later a late request takes effect, even when nobody waits for it any more."""
HIDDEN_SECONDS: Final = 0.4
"""For so long Slack's history hides a message."""
LOOK_SECONDS: Final = 2.0
"""For so long the program looks; more than Slack needs, as much more as a busy machine may be late."""

NAMED_ACCOUNTS: Final = ("P10000001", "P10000002", "P10000003")
"""Accounts that are read by their names; all others are found under the partner."""
NAMED_CONNECTIONS: Final = ("P10000004", "T10000005")
"""Accounts of which only `vipps` is read, by itself."""

_COUNT: Final = "SELECT state, count(*) FROM outbox GROUP BY state"
_LOOK_AGAIN_SECONDS: Final = 0.01
_COMMAND_SECONDS: Final = 100.0
_GOOD_RUNS: Final = 2
_MOST_RUNS: Final = 12


@dataclass
class World:
    """The place of one story; `env` is the whole environment of the program."""

    nursery: Nursery
    folder: Path
    dintero: SandboxDintero
    slack: SandboxSlack
    board: Board
    env: dict[str, str]
    options: tuple[str, ...] = ()
    answers: int = field(default=0)

    def run(self, *options: str) -> Life:
        """Start the service."""
        return self.nursery.bear(("run",), self.env, self.folder, *self.options, *options)

    async def run_once(self, *options: str) -> int | None:
        """Let the program read everything once and send all that is due; return its exit code."""
        life = self.nursery.bear(("run", "--once"), self.env, self.folder, *self.options, *options)
        code = await life.wait(_COMMAND_SECONDS)
        return await life.kill() if code is None else code

    async def read_status(self) -> dict[str, Any]:
        """Return what `notifier status --json` says."""
        self.answers += 1
        name = f"status-{self.answers}"
        life = self.nursery.bear(("status", "--json"), self.env, self.folder, out=name)
        code = await life.wait(_COMMAND_SECONDS)
        assert code == 0, (self.folder / "err").read_text()[-2000:]
        found: dict[str, Any] = json.loads((self.folder / name).read_text())
        return found

    def is_asked_since(self, instant: float) -> bool:
        """Whether the program has asked for anything since an instant, in monotonic seconds."""
        requests = (*list(self.dintero.requests)[-1:], *list(self.slack.requests)[-1:])
        return any(request.arrived_at > instant for request in requests)

    def count_outbox(self) -> dict[str, int]:
        """Return how many notifications there are in each state."""
        url = self.env.get("NOTIFIER_STORE__URL")
        if url is None:
            with closing(sqlite3.connect(f"file:{self.folder}/notifier.db?mode=ro", uri=True)) as store:
                return dict(store.execute(_COUNT))
        with psycopg.connect(url) as database:
            return dict(database.execute(_COUNT).fetchall())

    def restore_named(self) -> None:
        """Let every account that is read by its name be there, whether or not its merchant has come."""
        for account_id in {*NAMED_ACCOUNTS, *NAMED_CONNECTIONS} - set(self.dintero.account_ids()):
            self.dintero.add_account(account_id)

    async def settle(self) -> dict[str, int]:
        """Let the program read and send everything, and then once more; return what is in its outbox.

        On a busy machine a request may run out of time even now: then it is one run more.
        """
        self.restore_named()
        good = 0
        for _ in range(_MOST_RUNS):
            code = await self.run_once()
            outbox = self.count_outbox()
            is_done = code == 0 and not outbox.get("due") and not outbox.get("sending")
            good = good + 1 if is_done else 0
            if good == _GOOD_RUNS:
                return outbox
        raise AssertionError(f"the program does not finish: {outbox}; see {self.folder}/err")


@asynccontextmanager
async def open_world(
    nursery: Nursery,
    folder: Path,
    *options: str,
    hidden_seconds: float = 0.0,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """Serve a Dintero and a Slack; `settings` are those to change, without their `NOTIFIER_`."""
    async with (
        SandboxDintero().serve() as dintero,
        SandboxSlack(history_delay_seconds=hidden_seconds).serve() as slack,
    ):
        slack.add_bot(token="xoxb-1-2-chaos")
        for name in CHANNELS:
            slack.add_channel(name, is_private=True)
        env = _make_environment(dintero, slack)
        env |= {f"NOTIFIER_{name}": text for name, text in (settings or {}).items()}
        yield World(nursery, folder, dintero, slack, Board(slack), env, options)


async def until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for a condition, for no longer than that; say whether it holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        if loop.time() > end:
            return False
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return True


def _make_environment(dintero: SandboxDintero, slack: SandboxSlack) -> dict[str, str]:
    """Return settings with little patience: one channel by its id, one by its name; three ways of reading."""
    sources: Mapping[str, Mapping[str, str]] = {
        "PARTNER": {"DISCOVER": "true"},
        "SHOPS": {"ACCOUNTS": json.dumps(NAMED_ACCOUNTS)},
        "DESK": {"ACCOUNTS": json.dumps(NAMED_CONNECTIONS), "CONNECTIONS": '["vipps"]'},
    }
    shared = {
        "BASE_URL": dintero.base_url,
        "ACCOUNT_ID": dintero.client.owner_id,
        "CLIENT_ID": dintero.client.client_id,
        "CLIENT_SECRET": dintero.client.client_secret,
    }
    settings = {
        f"SOURCES__{name}__{key}": text
        for name, own in sources.items()
        for key, text in {**shared, **own}.items()
    }
    settings |= {
        "POLL__FIRST_RUN": "all",
        "POLL__INTERVAL_SECONDS": "0.1",
        "POLL__QUIET_INTERVAL_SECONDS": "0.1",
        "POLL__ATTEMPTS": "2",
        "POLL__RETRY_TOTAL_SECONDS": "1.2",
        "POLL__CONNECT_TIMEOUT_SECONDS": "1",
        "POLL__READ_TIMEOUT_SECONDS": "0.6",
        "POLL__TOTAL_TIMEOUT_SECONDS": "1",
        "POLL__MAX_BODY_MIB": "2",
        "SLACK__BASE_URL": slack.base_url,
        "SLACK__BOT_TOKEN": "xoxb-1-2-chaos",
        "SLACK__TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "RECEIVERS__SALES__KIND": "slack",
        "RECEIVERS__SALES__CHANNEL": slack.channel("sales").id,
        "RECEIVERS__SALES__PACE_SECONDS": "0",
        "RECEIVERS__ONCALL__KIND": "slack",
        "RECEIVERS__ONCALL__CHANNEL": "#oncall",
        "RECEIVERS__ONCALL__PACE_SECONDS": "0.02",
        "DELIVERY__FIRST_RETRY_SECONDS": "0.1",
        "DELIVERY__MAX_RETRY_SECONDS": "0.8",
        "DELIVERY__LOOK_SECONDS": str(LOOK_SECONDS),
        "DELIVERY__GRACE_SECONDS": "0.5",
        # Each message is counted here; what becomes of digests is tried by itself.
        "DELIVERY__STORM_CARDS": "0",
        "LOG__FORMAT": "json",
    }
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        **{f"NOTIFIER_{name}": text for name, text in settings.items()},
    }
