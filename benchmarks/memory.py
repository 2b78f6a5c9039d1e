"""Memory of the real program that watches many connections, after a full round."""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from benchmarks.merchants import Merchants
from benchmarks.outside import Outside
from benchmarks.population import NAMES, list_account_ids
from benchmarks.program import Running, run_program, write_list

PAGE_ACCOUNTS: Final = 100

_ROUND_SECONDS: Final = 300.0
_SETTLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """What watching so many connections took: `seconds` and `cpu_seconds` are those of the first round."""

    way: str
    connections: int
    resident_bytes: int
    seconds: float
    cpu_seconds: float


def measure_memory(folder: Path, sizes: tuple[int, ...]) -> tuple[Footprint, ...]:
    """Measure each number of connections (multiples of five), read one by one and by a partner's pages."""
    found: list[Footprint] = []
    with Outside(Merchants) as merchants:
        for way in ("one by one", "discovered"):
            for connections in sizes:
                accounts = connections // len(NAMES)
                merchants.do(Merchants.fill, accounts, NAMES)
                is_single = way == "one by one"
                # A walk ends with an empty page.
                reads = connections if is_single else -(-accounts // PAGE_ACCOUNTS) + 1
                settings = _list_watched(accounts) if is_single else "discover = true"
                inner = folder / f"{connections}-{is_single}"
                inner.mkdir()
                with run_program(inner, merchants.do(Merchants.base_url), dintero=settings) as running:
                    found.append(_watch_round(way, connections, reads, running, merchants))
    return tuple(found)


def slope_bytes(footprints: tuple[Footprint, ...], way: str) -> float:
    """Return the bytes for each connection between the smallest and the largest number of one way."""
    own = sorted((one for one in footprints if one.way == way), key=lambda one: one.connections)
    grown = own[-1].resident_bytes - own[0].resident_bytes
    return grown / max(own[-1].connections - own[0].connections, 1)


def _watch_round(way: str, connections: int, reads: int, running: Running, merchants: Outside) -> Footprint:
    before = merchants.do(Merchants.count_reads)
    until = monotonic() + _ROUND_SECONDS
    while merchants.do(Merchants.count_reads) - before < reads:
        if monotonic() > until or running.process.poll() is not None:
            raise TimeoutError(f"the first round over {connections} connections did not end")
        sleep(0.02)
    seconds = monotonic() - running.started_at
    cpu_seconds = running.read_cpu_seconds()
    # What was read last has still to be kept.
    sleep(_SETTLE_SECONDS)
    return Footprint(way, connections, running.read_resident_bytes(), seconds, cpu_seconds)


def _list_watched(accounts: int) -> str:
    return f"accounts = {write_list(list_account_ids(accounts))}\nconnections = {write_list(NAMES)}"
