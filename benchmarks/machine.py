"""The machine and the versions that the figures belong to; no name and no path of it."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("aiohttp", "slack_sdk", "sqlalchemy", "msgspec", "structlog")


def describe_machine() -> str:
    """Return a paragraph: processor, cores, load, kernel, Python, libraries, date, and what to trust."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = (
        " **The machine was busy: CPU and memory hold, times and throughput do not.**" if load > cores else ""
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{_read_processor()}, {cores} cores, load {load:.1f} before the run; "
        f"{platform.system()} {platform.release()}, {platform.python_implementation()} "
        f"{platform.python_version()}; {libraries}; {datetime.now(UTC):%Y-%m-%d}.{busy}"
    )


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [
        value for name, _, value in (line.partition(":") for line in lines) if name.strip() == "model name"
    ]
    return names[0].strip() if names else platform.machine()
