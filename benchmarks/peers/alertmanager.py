"""Alertmanager: distinct alerts posted to its API, told by a Slack receiver.

Its configuration: https://prometheus.io/docs/alerting/latest/configuration/ (read 2026-11-22).
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks.outside import Outside
from benchmarks.peers.process import PATIENCE_SECONDS, find_port, kill, run_process, wait_for_port
from benchmarks.peers.rivals import (
    BUSY_CASES,
    BUSY_SECONDS,
    Busy,
    Effort,
    Told,
    settle,
    watch_burst,
    watch_busy,
)
from benchmarks.peers.stage import Stage, wait_for_arrivals
from benchmarks.peers.tally import Losses, count_losses, measure_delay
from benchmarks.population import list_account_ids
from benchmarks.program import Running

NAME: Final = "Alertmanager"

_BATCH: Final = 64
"""As many alerts as Prometheus posts at once."""

_CONFIG: Final = """
route:
  receiver: slack
  group_by: [case]
  group_wait: 0s
  group_interval: 10s
  repeat_interval: 4h
receivers:
  - name: slack
    slack_configs:
      - api_url: "{url}/services/T0/B0/none"
        channel: "#sales"
        title: "Signature needed"
        text: "{{{{ .CommonLabels.case }}}}: {{{{ .CommonAnnotations.link }}}}"
"""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """One that runs, and the port of its API."""

    running: Running
    port: int

    def post(self, cases: Sequence[str]) -> dict[str, float]:
        """Post an alert for each case, as Prometheus does; return when (monotonic) each was sent."""
        started_at = datetime.now(UTC).isoformat()
        times: dict[str, float] = {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            for first in range(0, len(cases), _BATCH):
                batch = cases[first : first + _BATCH]
                body = json.dumps([_write_alert(case, started_at) for case in batch])
                times |= dict.fromkeys(batch, monotonic())
                connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise ConnectionError(f"Alertmanager answered {answer.status}")
        finally:
            connection.close()
        return times


def find_alertmanager() -> Path | None:
    """Return the program, None where it is not installed."""
    found = shutil.which("prometheus-alertmanager")
    return Path(found) if found else None


def measure_alertmanager(program: Path, folder: Path, stage: Outside, effort: Effort) -> Told:
    """Let it tell Slack: many at once, one by one, around a crash, and while Slack is busy."""
    cases = list_account_ids(effort.messages)
    stage.do(Stage.fill, 1)
    with _run(program, folder / "burst", stage) as alertmanager:
        alertmanager.post(cases)
        burst = watch_burst(stage, alertmanager.running, len(cases))
    stage.do(Stage.fill, 1)
    with _run(program, folder / "singles", stage) as alertmanager:
        causes: dict[str, float] = {}
        for number, case in enumerate(list_account_ids(effort.singles)):
            causes |= alertmanager.post([case])
            if not wait_for_arrivals(stage, number + 1, PATIENCE_SECONDS):
                raise TimeoutError(f"no message for {case}")
        delay = measure_delay(causes, stage.do(Stage.list_arrivals))
    return Told(
        NAME,
        burst,
        delay,
        tuple(
            (how, _crash(program, folder / how.replace(" ", "-"), stage, effort.crash, again=again))
            for how, again in (("posted once", False), ("posted again, as Prometheus does", True))
        ),
        _keep_busy(program, folder / "busy", stage),
    )


def _crash(program: Path, folder: Path, stage: Outside, count: int, *, again: bool) -> Losses:
    cases = list_account_ids(count)
    stage.do(Stage.fill, 1)
    with _run(program, folder, stage) as alertmanager:
        alertmanager.post(cases)
        wait_for_arrivals(stage, count // 2, PATIENCE_SECONDS)
        kill(alertmanager.running)
    with _run(program, folder, stage) as alertmanager:
        if again:
            alertmanager.post(cases)
        settle()
    return count_losses(cases, stage.do(Stage.list_arrivals))


def _keep_busy(program: Path, folder: Path, stage: Outside) -> Busy:
    stage.do(Stage.fill, 1)
    with _run(program, folder, stage) as alertmanager:
        over_at = stage.do(Stage.be_busy, BUSY_SECONDS)
        alertmanager.post(list_account_ids(BUSY_CASES))
        return watch_busy(stage, over_at, BUSY_CASES)


@contextmanager
def _run(program: Path, folder: Path, stage: Outside) -> Iterator[Alertmanager]:
    folder.mkdir(parents=True, exist_ok=True)
    config, port = folder / "alertmanager.yml", find_port()
    config.write_text(_CONFIG.format(url=stage.do(Stage.open_inbox)), "utf-8")
    command = (
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    )
    with run_process(command, folder) as running:
        wait_for_port(port, running)
        yield Alertmanager(running, port)


def _write_alert(case: str, started_at: str) -> dict[str, object]:
    return {
        "labels": {"alertname": "SignatureRequired", "case": case, "connection": "vipps"},
        "annotations": {"link": f"https://sign.example/{case}"},
        "startsAt": started_at,
    }
