"""Runs the real program with a hook: it kills or stops itself where it is told to.

    python -m tests.chaos.launch --kill claimed:2 -- run
    python -m tests.chaos.launch --stop requesting:1 --asleep 60 -- run
    python -m tests.chaos.launch --nursery

A nursery has imported the program and does nothing but fork: each child is a process of its own that runs the
command line, without the two seconds that Python needs for the imports. It takes orders on its standard input
and tells on its standard output, a JSON object a line; `tests.chaos.nursery` is its other end.
"""

import argparse
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import notifier
from notifier import cli
from notifier.dintero import source
from notifier.domain import ranges
from notifier.domain.waypoints import Waypoint, watch
from notifier.service.clock import SystemClock
from tests.chaos.broken import VARIANTS

_STDIN, _STDOUT, _STDERR = range(3)
_CLONE_NEWNET = 0x4000_0000


@dataclass
class Trap:
    """A hook that sends this process a signal when it reaches a point for the nth time.

    One that it survives has cost it `seconds`, by the clock that nobody sets: so long it was asleep, however
    soon it was woken.
    """

    point: Waypoint
    nth: int
    number: signal.Signals
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, point: Waypoint) -> None:
        """Count the point, and send the signal if this is the time."""
        if point is not self.point:
            return
        with self.lock:
            self.nth -= 1
            if self.nth == 0:
                os.kill(os.getpid(), self.number)
                _pass_time(self.seconds)


def main(arguments: Sequence[str]) -> int:
    """Run the program once, or be a nursery."""
    options = _make_parser().parse_args(arguments)
    if options.nursery:
        return Nurse().work()
    return _live(options)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.chaos.launch")
    parser.add_argument("--nursery", action="store_true")
    parser.add_argument("--kill", metavar="POINT:N", help="send SIGKILL at the nth time of a waypoint")
    parser.add_argument("--stop", metavar="POINT:N", help="send SIGSTOP there")
    parser.add_argument(
        "--asleep", type=float, default=0.0, metavar="SECONDS", help="how long it stands still"
    )
    parser.add_argument("--clock-ahead", type=float, metavar="SECONDS", help="how wrong the wall clock is")
    parser.add_argument("--range-accounts", type=int, metavar="N", help="how many accounts a range has")
    parser.add_argument("--page-accounts", type=int, metavar="N", help="how many accounts a page has")
    parser.add_argument("--namespace", metavar="NAME", help="the network namespace that it runs in")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="how the program is broken")
    parser.add_argument("command", nargs="*", help="what the program is to do, behind --")
    return parser


def _live(options: argparse.Namespace) -> int:
    """Set the hook, break what is to be broken, and run the program's own command line."""
    for place, number in ((options.kill, signal.SIGKILL), (options.stop, signal.SIGSTOP)):
        if place:
            name, _, nth = place.partition(":")
            watch(Trap(Waypoint(name), int(nth), number, options.asleep))
    if options.namespace:
        _move_to(options.namespace)
    if options.clock_ahead is not None:
        _set_clock(options.clock_ahead)
    if options.range_accounts:
        vars(ranges)["RANGE_ACCOUNTS"] = options.range_accounts
    if options.page_accounts:
        vars(source)["LIMIT"] = options.page_accounts
    if options.variant:
        VARIANTS[options.variant]()
    return cli.main(options.command)


def _pass_time(seconds: float) -> None:
    """Let time go by for this process, as it does for one that stands still."""
    tell = time.monotonic
    time.monotonic = lambda: tell() + seconds


def _move_to(namespace: str) -> None:
    """Have no other network than that of a namespace: this thread, and all that it starts; see setns(2)."""
    with Path("/run/netns", namespace).open("rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")


def _set_clock(seconds: float) -> None:
    """Let this process be wrong about the time, as on a machine whose clock nobody has set."""
    tell = time.time
    time.time = lambda: tell() + seconds
    ahead = timedelta(seconds=seconds)
    SystemClock.now = lambda self: datetime.now(UTC) + ahead  # type: ignore[method-assign]


class Nurse:
    """Forks children on demand, passes signals to them, and tells when one stops or ends."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._signals, self._alarm = os.pipe()
        for end in (self._signals, self._alarm):
            os.set_blocking(end, False)

    def work(self) -> int:
        """Obey until the standard input ends; then end the children that are left."""
        for found in pkgutil.walk_packages(notifier.__path__, "notifier."):
            if not found.name.endswith("__main__") and ".versions." not in found.name:
                importlib.import_module(found.name)
        # What is there now is never looked at again: children share it instead of copying it.
        gc.freeze()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        rest = b""
        while True:
            ready, _, _ = select.select([_STDIN, self._signals], [], [])
            if self._signals in ready:
                os.read(self._signals, 4096)
                self._look_after()
            if _STDIN in ready:
                data = os.read(_STDIN, 65_536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return 0

    def _obey(self, order: dict[str, Any]) -> None:
        if "signal" not in order:
            self._bear(order)
        elif order["number"] in self._pids:
            # Nobody but this process reaps a child: until then its id is its own.
            os.kill(self._pids[order["number"]], order["signal"])

    def _bear(self, order: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(order)
        self._numbers[pid] = order["number"]
        self._pids[order["number"]] = pid

    def _become(self, order: dict[str, Any]) -> NoReturn:
        """Be a new process of the program, and never return."""
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(order["folder"])
            files = (os.devnull, os.O_RDONLY), *((name, _APPEND) for name in (order["out"], order["err"]))
            for target, (name, flags) in enumerate(files):
                os.dup2(os.open(name, flags, 0o600), target)
            for end in (self._signals, self._alarm):
                os.close(end)
            os.environ.clear()
            os.environ.update(order["env"])
            code = _live(_make_parser().parse_args(order["arguments"]))
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _look_after(self) -> None:
        """Tell of the children that have stopped or ended."""
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            number = self._numbers[pid]
            if os.WIFSTOPPED(status):
                _tell({"number": number, "stopped": True})
                continue
            del self._numbers[pid], self._pids[number]
            _tell({"number": number, "code": os.waitstatus_to_exitcode(status)})


_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def _tell(news: dict[str, Any]) -> None:
    os.write(_STDOUT, json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
