"""The real program, `python -m notifier run`, as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

import notifier
from benchmarks.population import OWNER_ID

END_SECONDS: Final = 20.0

NOBODY: Final = '[slack]\nwebhook_url = "http://127.0.0.1:9/services/T0/B0/none"'
"""TOML: there is a receiver, but whatever is found at first is settled, so Slack is never asked."""

_ROOT: Final = Path(notifier.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Running:
    """A program that runs; `started_at` (monotonic) is just before its `exec`."""

    process: subprocess.Popen[bytes]
    started_at: float

    def read_resident_bytes(self) -> int:
        """Return its resident memory (proc(5), status: VmRSS)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "VmRSS":
                return int(value.split()[0]) * 1024
        raise LookupError("the program has ended")

    def read_cpu_seconds(self) -> float:
        """Return the CPU time that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def run_program(
    folder: Path,
    base_url: str,
    *,
    dintero: str,
    store: str = "notifier.db",
    poll: str = "",
    telling: str = NOBODY,
    **env: str,
) -> Iterator[Running]:
    """Run the program in a folder until the block ends.

    `dintero` and `poll` are TOML for their sections, `telling` whole sections, `env` further variables.
    """
    config = folder / "notifier.toml"
    config.write_text(_write_config(base_url, dintero, store, poll, telling), "utf-8")
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_ROOT), **env}
    with (folder / "notifier.log").open("ab") as log:
        started_at = monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "notifier", "--config", str(config), "run"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield Running(process, started_at)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(END_SECONDS)


def write_list(texts: tuple[str, ...]) -> str:
    """Return a TOML list of texts that need no escape beyond JSON's."""
    return msgspec.json.encode(texts).decode()


def _write_config(base_url: str, dintero: str, store: str, poll: str, telling: str) -> str:
    return f"""
[dintero]
base_url = "{base_url}"
account_id = "{OWNER_ID}"
client_id = "sandbox-client"
client_secret = "sandbox-client-secret"
{dintero}
[store]
url = "sqlite:///{store}"
[poll]
first_run = "none"
{poll}
{telling}
"""
