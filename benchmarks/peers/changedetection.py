"""changedetection.io: watches the same addresses of the same server, and tells the inbox what has changed.

Its API: https://changedetection.io/docs/api_v1/index.html (read 2026-11-22). It is kept from what it would do
beyond this machine: no look for a new version, no example watches (its store is there before it), no prices.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.outside import Outside
from benchmarks.peers.process import PATIENCE_SECONDS, find_port, run_process, wait_for_port
from benchmarks.peers.rivals import Effort, Watched
from benchmarks.peers.stage import GLANCE_SECONDS, Stage, wait_for_arrivals, wait_for_requests
from benchmarks.peers.tally import find_case, measure_delay
from benchmarks.population import list_account_ids
from benchmarks.program import Running

NAME: Final = "changedetection.io"
WORKERS: Final = 10
"""Its container's default; the program's own is 5."""

_KEY: Final = "0123456789abcdef0123456789abcdef"
_PAUSE_SECONDS: Final = 1.0
_NO_UPDATES: Final = 9_999
_ENVIRON: Final = {
    "ALLOW_IANA_RESTRICTED_ADDRESSES": "true",
    "DISABLE_VERSION_CHECK": "true",
    "FETCH_WORKERS": str(WORKERS),
    "GITHUB_REF": "none",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "*",
    "NOTIFICATION_WORKERS": "1",
}


@dataclass(frozen=True, slots=True)
class Watcher:
    """One that runs, and the port of its API."""

    running: Running
    port: int

    def ask(self, path: str, body: str = "", **query: str) -> Any:
        """Ask its API: POST where there is a body. Returns the decoded answer; raises ConnectionError."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            address = f"/api/v1/{path}?{urlencode(query)}"
            headers = {"x-api-key": _KEY, **({"Content-Type": "text/plain"} if body else {})}
            connection.request("POST" if body else "GET", address, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ConnectionError(f"changedetection.io answered {answer.status} to {path}")
        return json.loads(content)

    def wait_until_idle(self, watches: int) -> None:
        """Wait until it knows so many watches, and has nothing left to check. Raises TimeoutError."""
        until = monotonic() + PATIENCE_SECONDS
        while monotonic() < until:
            found = self.ask("systeminfo")
            if found["watch_count"] >= watches and not found["queue_size"]:
                # What it took from its queue last is still being worked on.
                sleep(_PAUSE_SECONDS)
                return
            sleep(GLANCE_SECONDS)
        raise TimeoutError("changedetection.io did not come to rest")


def find_changedetection(peers: Path) -> Path | None:
    """Return the program that install.sh has put into `peers`, None where it is not there."""
    found = peers / "venv/bin/changedetection.io"
    return found.absolute() if found.exists() else None


def measure_changedetection(program: Path, folder: Path, stage: Outside, effort: Effort) -> Watched:
    """Let it check everything some times while nothing changes; then time changes one by one."""
    stage.do(Stage.fill, effort.watches)
    known = stage.do(Stage.count_requests)
    with _run(program, folder / "changedetection", stage) as watcher:
        watcher.ask("import", "\n".join(stage.do(Stage.list_urls, effort.watches)))
        wait_for_requests(stage, known + effort.watches, PATIENCE_SECONDS)
        watcher.wait_until_idle(effort.watches)
        rate, cpu_seconds = _check_all(watcher, stage, effort)
        resident_bytes = watcher.running.read_resident_bytes()
        cases = list(list_account_ids(effort.changes))
        _change_each(watcher, stage, cases)
        delay = measure_delay(stage.do(Stage.read_sent_at, cases), stage.do(Stage.list_arrivals))
    return Watched(NAME, effort.watches, rate, cpu_seconds, resident_bytes, delay)


def _check_all(watcher: Watcher, stage: Outside, effort: Effort) -> tuple[float, float]:
    """Return checks a second while there is something to check, and CPU seconds a check, all included."""
    seconds, cpu_seconds = 0.0, watcher.running.read_cpu_seconds()
    for _ in range(effort.rounds):
        known, begun_at = stage.do(Stage.count_requests), monotonic()
        watcher.ask("watch", recheck_all="1")
        seconds += wait_for_requests(stage, known + effort.watches, PATIENCE_SECONDS) - begun_at
        watcher.wait_until_idle(effort.watches)
    checks = effort.watches * effort.rounds
    return checks / seconds, (watcher.running.read_cpu_seconds() - cpu_seconds) / checks


def _change_each(watcher: Watcher, stage: Outside, cases: list[str]) -> None:
    watches: Mapping[str, Mapping[str, object]] = watcher.ask("watch")
    names = {find_case(str(watch["url"])): name for name, watch in watches.items()}
    for number, case in enumerate(cases):
        stage.do(Stage.ask, [case])
        watcher.ask(f"watch/{names[case]}", recheck="1")
        if not wait_for_arrivals(stage, number + 1, PATIENCE_SECONDS):
            raise TimeoutError(f"no notification for {case}")


@contextmanager
def _run(program: Path, folder: Path, stage: Outside) -> Iterator[Watcher]:
    store, port = folder / "store", find_port()
    store.mkdir(parents=True)
    (store / "changedetection.json").write_text(json.dumps(_write_settings(stage)), "utf-8")
    command = (program, "-d", store, "-h", "127.0.0.1", "-p", str(port), "-l", "ERROR")
    with run_process(command, folder, _ENVIRON) as running:
        wait_for_port(port, running)
        yield Watcher(running, port)


def _write_settings(stage: Outside) -> dict[str, object]:
    inbox = stage.do(Stage.open_inbox).removeprefix("http://")
    application = {
        "api_access_token": _KEY,
        "notification_urls": [f"json://{inbox}/changed"],
        "notification_title": "Changed",
        "notification_body": "{{watch_url}}",
        "notification_format": "text",
        "schema_version": _NO_UPDATES,
    }
    return {"settings": {"application": application}}
