"""A network that can be split: a namespace of the kernel's, which one cable connects with this machine.

What listens on 127.0.0.1 here is reached under the same address from there, over the cable, and nothing else
is: so a worker in there speaks to the same Dintero, Slack and PostgreSQL as the others, until it is cut.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

_PREFIX: Final = "notifier-test-"
_SECONDS: Final = 10
_SENT_FIELD, _REMOTE_FIELD = 4, 2
"""Of a line of `/proc/net/tcp`: bytes that wait to be acknowledged, and the other end's address and port."""


class Link:
    """The namespace `name`, and the cable to it."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"{_PREFIX}{number}"
        self._here, self._there = f"nt{number}h", f"nt{number}t"
        block = number * 4 % 65_536
        # Of the block for tests of network devices (RFC 2544): no other process here has the same.
        self._addresses = [f"198.18.{block >> 8}.{(block & 255) + one}" for one in (1, 2)]

    def lay(self) -> None:
        """Make the namespace and connect it. Raises OSError or SubprocessError where that is not allowed."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self.name)
        ours, theirs = self._addresses
        _ip("addr", "add", f"{ours}/30", "dev", self._here)
        _ip("-n", self.name, "addr", "add", f"{theirs}/30", "dev", self._there)
        _ip("link", "set", self._here, "up")
        _ip("-n", self.name, "link", "set", self._there, "up")
        # Addresses of "this machine" may go over this cable: the program takes http for no others.
        switch = "/proc/sys/net/ipv4/conf/{}/route_localnet"
        Path(switch.format(self._here)).write_text("1", "ascii")
        _run("ip", "netns", "exec", self.name, "sh", "-c", f"echo 1 > {switch.format(self._there)}")
        _ip("-n", self.name, "route", "add", "127.0.0.0/8", "dev", self._there, "src", theirs)

    def cut(self) -> None:
        """Let nothing through any more; nobody is told."""
        _ip("link", "set", self._here, "down")

    def heal(self) -> None:
        """Let everything through again, and what is still on its way too."""
        _ip("link", "set", self._here, "up")

    def count_unsent(self, port: int) -> int:
        """Return how many bytes for a port wait in there to arrive: the kernel sends them again and again."""
        lines = _run("ip", "netns", "exec", self.name, "cat", "/proc/net/tcp").splitlines()[1:]
        rows = [line.split() for line in lines]
        mine = [row for row in rows if row[_REMOTE_FIELD].endswith(f":{port:04X}")]
        return sum(int(row[_SENT_FIELD].partition(":")[0], 16) for row in mine)

    def remove(self) -> None:
        """Remove the namespace, and the cable with it."""
        _remove(self.name)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._here)


@contextmanager
def laid() -> Iterator[Link]:
    """Give a network that can be split; skip loudly where that is not allowed, also on CI.

    There, unlike for a PostgreSQL, nobody can be asked to install something: it takes a machine's root.
    """
    link = Link()
    try:
        _sweep()
        link.lay()
    except (OSError, subprocess.SubprocessError) as error:
        link.remove()
        pytest.skip(f"NO NETWORK NAMESPACES are allowed here (it takes root, and `ip`): {error!r}")
    try:
        yield link
    finally:
        link.remove()


def _sweep() -> None:
    """Remove what processes that were killed have left."""
    for name in re.findall(rf"^{_PREFIX}(\d+)", _ip("netns", "list"), re.MULTILINE):
        if not Path(f"/proc/{name}").exists():
            _remove(f"{_PREFIX}{name}")


def _remove(name: str) -> None:
    with suppress(OSError, subprocess.SubprocessError):
        _ip("netns", "del", name)


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    return subprocess.run(
        words, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, text=True
    ).stdout
