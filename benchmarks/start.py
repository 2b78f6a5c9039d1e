"""From `exec` to the first poll on the wire, with compiled bytecode; and which imports take how long."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from benchmarks.alternating import Spread
from benchmarks.merchants import Merchants
from benchmarks.outside import Outside
from benchmarks.population import NAME, OWNER_ID
from benchmarks.program import run_program

_START_SECONDS: Final = 30.0
_IMPORTED: Final = re.compile(r"import time: +(\d+) \| +(\d+) \|( +)(\S+)")
_SHOWN: Final = 10
_PROGRAM: Final = "import notifier.cli, notifier.settings, notifier.log, notifier.app"


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from `exec` to the request for a token, and to the first poll; CPU seconds of the program."""

    store: str
    contact: Spread
    poll: Spread
    cpu: Spread


@dataclass(frozen=True, slots=True)
class Import:
    """A module with the seconds that importing it took, all that it imports included."""

    module: str
    seconds: float


def measure_start(folder: Path, runs: int) -> tuple[Start, ...]:
    """Start the program several times: without a store, and with one."""
    with Outside(Merchants) as merchants:
        merchants.do(Merchants.fill, 1, (NAME,))
        base_url = merchants.do(Merchants.base_url)
        # The first run compiles what is not compiled yet, and makes the store that is there later.
        _time_start(folder, base_url, merchants, "existing.db")
        cold = [_time_start(folder, base_url, merchants, f"cold-{run}.db") for run in range(runs)]
        warm = [_time_start(folder, base_url, merchants, "existing.db") for _ in range(runs)]
    return (_summarise("none yet", cold), _summarise("existing", warm))


def measure_imports() -> tuple[Import, ...]:
    """Return what `notifier run` imports longest: packages, and modules of its own."""
    command = [sys.executable, "-X", "importtime", "-c", _PROGRAM]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = {}
    for match in _IMPORTED.finditer(answer.stderr):
        module = match[4]
        if "." not in module or (module.startswith("notifier.") and module.count(".") == 1):
            found[module] = int(match[2]) / 1e6
    longest = sorted(found.items(), key=lambda pair: -pair[1])[:_SHOWN]
    return tuple(Import(module, seconds) for module, seconds in longest)


def _time_start(folder: Path, base_url: str, merchants: Outside, store: str) -> tuple[float, float, float]:
    merchants.do(Merchants.read_first_contacts)
    settings = f'accounts = ["{OWNER_ID[:1]}10000000"]\nconnections = ["{NAME}"]'
    with run_program(folder, base_url, dintero=settings, store=store) as running:
        contact: float | None = None
        until = monotonic() + _START_SECONDS
        while monotonic() < until and running.process.poll() is None:
            first, read = merchants.do(Merchants.read_first_contacts)
            contact = contact or first
            if contact is not None and read is not None:
                cpu_seconds = running.read_cpu_seconds()
                return contact - running.started_at, read - running.started_at, cpu_seconds
            sleep(0.01)
    raise TimeoutError("the program did not start")


def _summarise(store: str, times: list[tuple[float, float, float]]) -> Start:
    contacts, polls, cpus = zip(*times, strict=True)
    return Start(store, Spread.of(contacts), Spread.of(polls), Spread.of(cpus))
