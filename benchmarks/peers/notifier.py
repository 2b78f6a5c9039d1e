"""dintero-notifier itself, as `python -m notifier run`: by webhook or by bot, over one channel or several."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import notifier
from benchmarks.outside import Outside
from benchmarks.peers.process import PATIENCE_SECONDS, kill, run_process
from benchmarks.peers.rivals import (
    BUSY_CASES,
    BUSY_SECONDS,
    Busy,
    Effort,
    Told,
    Watched,
    settle,
    watch_burst,
    watch_busy,
)
from benchmarks.peers.stage import Stage, wait_for_arrivals, wait_for_cases, wait_for_requests
from benchmarks.peers.tally import Delay, Losses, count_losses, measure_delay
from benchmarks.population import NAME as CONNECTION
from benchmarks.population import OWNER_ID, list_account_ids
from benchmarks.program import Running, write_list

NAME: Final = "dintero-notifier"

_ROOT: Final = Path(notifier.__file__).parents[1]
_NEVER_SECONDS: Final = 86_400
_OFTEN_SECONDS: Final = 0.2
_ALWAYS_SECONDS: Final = 0.05
_WARM_ROUNDS: Final = 3
_OUR_ROUNDS: Final = 10
"""A round of ours is short: so many stand against one of theirs."""

_CRASH_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Way:
    """How Slack is told: by `webhook` or `bot`, over so many channels."""

    kind: str
    channels: int

    @property
    def program(self) -> str:
        """What the table calls it."""
        return f"{NAME}, {self.kind}, {self.channels} channel{'s' if self.channels > 1 else ''}"


def measure_telling(way: Way, folder: Path, stage: Outside, effort: Effort) -> Told:
    """Let it tell Slack: many at once, one by one, around a crash, and (by webhook) while Slack is busy."""
    cases = list(list_account_ids(effort.messages))
    stage.do(Stage.fill, len(cases))
    stage.do(Stage.ask, cases)
    with _run(way, folder / "burst", stage, len(cases), _NEVER_SECONDS) as running:
        burst = watch_burst(stage, running, len(cases))
    return Told(
        way.program,
        burst,
        _time_singles(way, folder / "singles", stage, effort.singles),
        (("the same store", _crash(way, folder / "crash", stage, effort.crash)),),
        _keep_busy(way, folder / "busy", stage) if way.kind == "webhook" else None,
    )


def measure_watching(folder: Path, stage: Outside, effort: Effort) -> Watched:
    """Let it watch as fast as it can, while nothing changes; then time changes one by one."""
    way = Way("webhook", 1)
    stage.do(Stage.fill, effort.watches)
    known = stage.do(Stage.count_requests)
    with _run(way, folder / "watching", stage, effort.watches, _ALWAYS_SECONDS) as running:
        wait_for_requests(stage, known + effort.watches * _WARM_ROUNDS, PATIENCE_SECONDS)
        before, known = monotonic(), stage.do(Stage.count_requests)
        cpu_seconds = running.read_cpu_seconds()
        checks = effort.watches * effort.rounds * _OUR_ROUNDS
        after = wait_for_requests(stage, known + checks, PATIENCE_SECONDS)
        done = stage.do(Stage.count_requests) - known
        cpu_seconds = running.read_cpu_seconds() - cpu_seconds
        resident_bytes = running.read_resident_bytes()
    delay = _time_singles(way, folder / "changes", stage, effort.changes)
    return Watched(NAME, effort.watches, done / (after - before), cpu_seconds / done, resident_bytes, delay)


def _time_singles(way: Way, folder: Path, stage: Outside, count: int) -> Delay:
    """Cause changes one by one; each is timed from the last byte of the answer that held it."""
    cases = list_account_ids(count)
    stage.do(Stage.fill, count)
    known = stage.do(Stage.count_requests)
    with _run(way, folder, stage, count, _OFTEN_SECONDS):
        wait_for_requests(stage, known + count * _WARM_ROUNDS, PATIENCE_SECONDS)
        for number, case in enumerate(cases):
            stage.do(Stage.ask, [case])
            if not wait_for_arrivals(stage, number + 1, PATIENCE_SECONDS):
                raise TimeoutError(f"no message for {case}")
        return measure_delay(stage.do(Stage.read_sent_at, list(cases)), stage.do(Stage.list_arrivals))


def _crash(way: Way, folder: Path, stage: Outside, count: int) -> Losses:
    cases = list(list_account_ids(count))
    stage.do(Stage.fill, count)
    stage.do(Stage.ask, cases)
    with _run(way, folder, stage, count, _NEVER_SECONDS) as running:
        wait_for_arrivals(stage, count // 2, PATIENCE_SECONDS)
        kill(running)
    with _run(way, folder, stage, count, _NEVER_SECONDS, is_new=False):
        wait_for_cases(stage, count, _CRASH_SECONDS)
        settle()
    return count_losses(cases, stage.do(Stage.list_arrivals))


def _keep_busy(way: Way, folder: Path, stage: Outside) -> Busy:
    stage.do(Stage.fill, BUSY_CASES)
    known = stage.do(Stage.count_requests)
    with _run(way, folder, stage, BUSY_CASES, _OFTEN_SECONDS):
        wait_for_requests(stage, known + BUSY_CASES * _WARM_ROUNDS, PATIENCE_SECONDS)
        over_at = stage.do(Stage.be_busy, BUSY_SECONDS)
        stage.do(Stage.ask, list(list_account_ids(BUSY_CASES)))
        return watch_busy(stage, over_at, BUSY_CASES)


@contextmanager
def _run(
    way: Way, folder: Path, stage: Outside, accounts: int, seconds: float, *, is_new: bool = True
) -> Iterator[Running]:
    """Run it over the first so many accounts, each read again after `seconds`, or go on in an old folder."""
    if is_new:
        folder.mkdir(parents=True)
        (folder / "notifier.toml").write_text(write_config(way, stage, accounts, seconds), "utf-8")
    command = (sys.executable, "-m", "notifier", "--config", "notifier.toml", "run")
    environ = {"PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))}
    with run_process(command, folder, environ) as running:
        yield running


def write_config(way: Way, stage: Outside, accounts: int, seconds: float) -> str:
    """Write the settings: nothing is paced and nothing gathered, so that there is a message for each case."""
    account_ids = list_account_ids(accounts)
    dintero_url = f"{stage.do(Stage.list_urls, 1)[0].partition('/v1/')[0]}/v1"
    size = -(-accounts // way.channels)
    shares = [account_ids[first : first + size] for first in range(0, accounts, size)]
    routes = "".join(
        f'[[routes]]\naccounts = {write_list(share)}\nreceivers = ["channel_{number}"]\n'
        for number, share in enumerate(shares)
    )
    return f"""
[dintero]
base_url = "{dintero_url}"
account_id = "{OWNER_ID}"
client_id = "client"
client_secret = "secret"
accounts = {write_list(account_ids)}
connections = ["{CONNECTION}"]
[poll]
interval_seconds = {seconds}
quiet_interval_seconds = {seconds}
[delivery]
storm_cards = 0
{_write_receivers(way, stage, len(shares))}
{routes}"""


def _write_receivers(way: Way, stage: Outside, count: int) -> str:
    if way.kind == "webhook":
        url = stage.do(Stage.open_inbox)
        return "".join(
            f'[receivers.channel_{number}]\nkind = "slack_webhook"\npace_seconds = 0\n'
            f'url = "{url}/services/T0/B0/{number}"\n'
            for number in range(count)
        )
    base_url, token, channels = stage.do(Stage.open_slack, count)
    return f'[slack]\nbase_url = "{base_url}"\nbot_token = "{token}"\n' + "".join(
        f'[receivers.channel_{number}]\nkind = "slack"\npace_seconds = 0\nchannel = "{channel}"\n'
        for number, channel in enumerate(channels)
    )
