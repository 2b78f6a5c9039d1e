"""A program under test, as a process of its own."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from benchmarks.program import END_SECONDS, Running

GLANCE_SECONDS: Final = 0.01
PATIENCE_SECONDS: Final = 120.0


@contextmanager
def run_process(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run a program in a folder until the block ends; what it says goes to `program.log` there.

    It gets PATH and `environ`, and nothing else of this environment.
    """
    with (folder / "program.log").open("ab") as log:
        started_at = monotonic()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield Running(process, started_at)
        finally:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process: by asking, and by force where it takes too long. One that has ended is left alone."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill(running: Running) -> None:
    """End a process as a crash would: it has no time for anything."""
    running.process.kill()
    running.process.wait()


def find_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_port(port: int, running: Running) -> None:
    """Wait until a program takes connections. Raises TimeoutError when it does not, or has ended."""
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until and running.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(GLANCE_SECONDS)
        else:
            return
    raise TimeoutError("a program under test did not start")
