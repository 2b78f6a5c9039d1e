"""The stage of a soak: a Dintero whose merchants come and go, a Slack, both with faults, and the program."""

import asyncio
import os
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import notifier
from notifier.sandbox import Faults, SandboxDintero, SandboxSlack, hang, ok_false
from notifier.sandbox.merchants import Does, Step, play, steps
from tests.soak.sampling import Sampler

POPULATION: Final = 40
"""So many merchants there are at a time: when another one comes, the one that came first leaves."""

TIMEOUT_SECONDS: Final = 2.0
STOP_SECONDS: Final = 30.0
_START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02

_DINTERO_FAULTS: Final = {
    "500": 0.01,
    "429": 0.005,
    "reset": 0.005,
    "cut_short": 0.005,
    "html": 0.003,
    "wrong_shape": 0.002,
    "hang": 0.002,
}
# Slack says with each limit how long it lasts. Without that, half a minute is waited, and a few of those make
# the backlog a sawtooth whose slope means nothing.
_SLACK_FAULTS: Final = {
    "429": 0.005,
    "500": 0.005,
    "500_after": 0.01,
    "reset": 0.005,
    "reset_after": 0.01,
    "internal_error_after": 0.005,
    "hang_after": 0.002,
    "ratelimited": 0.003,
}

_ROOT: Final = Path(notifier.__file__).parents[1]


@dataclass
class Stage:
    """The servers, the process, and what takes samples of it."""

    dintero: SandboxDintero
    slack: SandboxSlack
    process: asyncio.subprocess.Process
    sampler: Sampler
    log: Path

    def count_doubled(self) -> int:
        """Return how many messages stand once too often."""
        stand = Counter(
            (channel, one.metadata["event_payload"]["notification_id"])
            for channel in ("sales", "oncall")
            for one in self.slack.messages(channel)
            if one.metadata is not None
        )
        return sum(count - 1 for count in stand.values())

    def describe_faults(self) -> str:
        """Say how many faults there were, of how many requests."""
        asked = sum(self.dintero.counts.values()), sum(self.slack.counts.values())
        caused = sum(self.dintero.faults.caused.values()), sum(self.slack.faults.caused.values())
        return (
            f"faults: {caused[0]} of Dintero's in {asked[0]:,} requests, "
            f"{caused[1]} of Slack's in {asked[1]:,}"
        )


@asynccontextmanager
async def open_stage(folder: Path, seed: int, speed: float) -> AsyncIterator[Stage]:
    """Serve both sides and run the program between them until the block ends; it must end well."""
    late = {"hang": hang(2 * TIMEOUT_SECONDS), "hang_after": hang(2 * TIMEOUT_SECONDS, after_effect=True)}
    limited = ok_false("ratelimited")
    limited = replace(limited, headers={**limited.headers, "Retry-After": "1"})
    dintero_faults = Faults.random(seed, _DINTERO_FAULTS, faults=late)
    slack_faults = Faults.random(
        seed + 1, _SLACK_FAULTS, path="^/api/", faults={**late, "ratelimited": limited}
    )
    async with (
        SandboxDintero(faults=dintero_faults).serve() as dintero,
        SandboxSlack(faults=slack_faults).serve() as slack,
    ):
        environment = _make_environment(dintero, slack, folder)
        answer, log = folder / "probe.json", folder / "notifier.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.soak.probe", str(answer), "run",
                cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        over = asyncio.Event()
        living = asyncio.ensure_future(play(_retire(steps(seed), dintero), dintero, speed=speed, stop=over))
        try:
            await _wait_for_posts(process, slack, log)
            sampler = Sampler(process.pid, folder / "notifier.db", answer, lambda: len(slack.posts))
            yield Stage(dintero, slack, process, sampler, log)
        finally:
            over.set()
            await asyncio.wait({living})
            await _stop(process)
        living.result()


def _retire(plan: Iterator[Step], dintero: SandboxDintero) -> Iterator[Step]:
    """Let the merchant that came first leave whenever there are too many."""
    there: deque[str] = deque()
    for step in plan:
        if step.does is Does.ARRIVES:
            there.append(step.merchant.account_id)
        if len(there) > POPULATION:
            dintero.remove_account(there.popleft())
        yield step


async def _wait_for_posts(process: asyncio.subprocess.Process, slack: SandboxSlack, log: Path) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + _START_SECONDS
    while not slack.posts:
        if process.returncode is not None or loop.time() > until:
            said = await asyncio.to_thread(log.read_text, "utf-8", "replace")
            raise LookupError(f"the program tells nothing; it says: {said[-2000:]}")
        await asyncio.sleep(_LOOK_SECONDS)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _make_environment(dintero: SandboxDintero, slack: SandboxSlack, folder: Path) -> dict[str, str]:
    bot = slack.add_bot()
    sales, oncall = (slack.add_channel(name, is_private=True, members=(bot,)) for name in ("sales", "oncall"))
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(_ROOT),
        "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
        "NOTIFIER_DINTERO__ACCOUNT_ID": dintero.client.owner_id,
        "NOTIFIER_DINTERO__CLIENT_ID": dintero.client.client_id,
        "NOTIFIER_DINTERO__CLIENT_SECRET": dintero.client.client_secret,
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_POLL__INTERVAL_SECONDS": "0.5",
        "NOTIFIER_POLL__QUIET_INTERVAL_SECONDS": "0.5",
        "NOTIFIER_POLL__TOTAL_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "NOTIFIER_POLL__READ_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "NOTIFIER_SLACK__BASE_URL": slack.base_url,
        "NOTIFIER_SLACK__BOT_TOKEN": bot.token,
        "NOTIFIER_SLACK__TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "NOTIFIER_RECEIVERS__SALES__KIND": "slack",
        "NOTIFIER_RECEIVERS__SALES__CHANNEL": sales.id,
        "NOTIFIER_RECEIVERS__SALES__PACE_SECONDS": "0",
        "NOTIFIER_RECEIVERS__ONCALL__KIND": "slack",
        "NOTIFIER_RECEIVERS__ONCALL__CHANNEL": oncall.id,
        "NOTIFIER_RECEIVERS__ONCALL__PACE_SECONDS": "0",
        "NOTIFIER_DELIVERY__FIRST_RETRY_SECONDS": "1",
        "NOTIFIER_DELIVERY__LOOK_SECONDS": "3",
        # So many signups are one storm without an end: what waits for its digests would look like growth.
        "NOTIFIER_DELIVERY__STORM_CARDS": "0",
        "NOTIFIER_STORE__URL": f"sqlite:///{folder}/notifier.db",
        "NOTIFIER_SECRETS_DIR": str(folder),
        "NOTIFIER_LOG__LEVEL": "error",
    }
