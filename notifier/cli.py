"""The command line: the one place where an error becomes an exit code and a sentence.

Exit codes: 0 all is well, 1 something could not be read, delivered or done, 2 wrong usage, 78 wrong settings.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, cast

from notifier import __version__, garbage
from notifier.commands import backup, explain, moving, outbox, routes, silences, status
from notifier.commands.entry import (
    EXIT_CONFIG,
    EXIT_FAILURE,
    EXIT_OK,
    Commands,
    add_command,
    load,
)
from notifier.errors import ConfigError, NotifierError

if TYPE_CHECKING:
    import asyncio

    from notifier.settings import Settings

_STDERR: Final = 2
_HIGHEST_PORT: Final = 65_535


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _mend_streams()
    try:
        code = _obey(arguments)
        sys.stdout.flush()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else EXIT_FAILURE
    except OSError as error:
        code = EXIT_FAILURE
        # A reader that has had enough (`| head`) needs no word about it.
        if not isinstance(error, BrokenPipeError):
            _Tolerant().write(f"notifier: the operating system refuses: {error.strerror or error}\n")
    _end_streams()
    return code


def _obey(arguments: Sequence[str]) -> int:
    options = _make_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigError as error:
        print("The settings cannot work:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return EXIT_CONFIG
    except NotifierError as error:
        print(f"notifier: {error}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return EXIT_FAILURE
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
        return _report_fault(error)


def _report_fault(error: Exception) -> int:
    """Say that the notifier itself is at fault; where, only the log tells, which hides secrets."""
    import structlog

    if structlog.is_configured():
        structlog.get_logger("notifier").error("a fault of the notifier's own", exc_info=error)
    name = type(error).__name__
    print(f"notifier: a fault of the notifier's own ({name}): please report it", file=sys.stderr)
    return EXIT_FAILURE


def _mend_streams() -> None:
    """Make sure that output has somewhere to go, and that no character stops it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass  # This one was closed: left so, the next file to be opened would get what is meant for it.
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as we run
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end_streams() -> None:
    """Let go of what cannot be written, or Python complains about it while it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Tolerant:
    """Standard error for the log: a disk that is full, or a reader that has gone, does not stop the work."""

    def isatty(self) -> bool:
        """Whether a person may be reading."""
        return sys.stderr.isatty()

    def write(self, text: str) -> None:
        """Write, if that is possible."""
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError):
            sys.stderr.flush()


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="notifier",
        description="Tells people in Slack what happens to Dintero connections.",
        epilog="Exit codes: 0 well, 1 something did not work, 2 wrong usage, 78 wrong settings.",
    )
    parser.add_argument("--version", action="version", version=f"notifier {__version__}")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file (default: config/notifier.toml)"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _add_run(commands)
    _add_check(commands)
    status.add(commands)
    backup.add(commands)
    moving.add(commands)
    routes.add(commands)
    silences.add(commands)
    outbox.add(commands)
    explain.add(commands)
    _add_demo(commands)
    return parser


def _add_run(commands: Commands) -> None:
    run = add_command(
        commands,
        "run",
        "watch and tell, until SIGTERM or Ctrl-C",
        "Then what is on its way is finished, for delivery.grace_seconds at the most.",
    )
    run.add_argument("--once", action="store_true", help="poll everything once, send what is due, and end")
    run.set_defaults(command=_run)


def _add_check(commands: Commands) -> None:
    check = add_command(
        commands,
        "check",
        "say whether the settings work, and how to mend them",
        "Whatever can be asked is asked; nothing is posted without --send.",
    )
    check.add_argument("--offline", action="store_true", help="look at the settings and the store only")
    check.add_argument("--send", action="store_true", help="post a test message to every receiver")
    check.set_defaults(command=_check)


def _add_demo(commands: Commands) -> None:
    demo = add_command(commands, "demo", "show the whole thing on this machine, without any account")
    demo.add_argument("--seconds", type=float, metavar="N", help="end after N seconds (default: Ctrl-C)")
    demo.add_argument("--port", type=_read_port, default=8089, help="where the page is (default: 8089)")
    demo.set_defaults(command=_demo)


def _read_port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"expected a port from 0 (any free one) to {_HIGHEST_PORT}")
    return int(text)


def _log_as(settings: "Settings") -> None:
    from notifier import log
    from notifier.settings import list_secrets

    log.configure(
        settings.log.level, settings.log.format, cast("TextIO", _Tolerant()), secrets=list_secrets(settings)
    )


def _load_service(options: argparse.Namespace) -> "Settings":
    """Load the settings and then what works with them, and begin the log.

    The garbage collector rests meanwhile: it would look a dozen times at what stays for good, and it does not
    look at that later either.
    """
    with garbage.at_rest():
        settings = load(options)
        _log_as(settings)
        from notifier import network
        from notifier.settings import list_addresses

        network.load_aiohttp()
        # Only now: no context of ours may be made while aiohttp is imported.
        if network.is_tls(list_addresses(settings)):
            network.read_system_certificates()
        import_module("notifier.app")

        garbage.keep_all()
    return settings


def _run(options: argparse.Namespace) -> int:
    if not options.once:
        # Until the service takes them over there is nothing to finish. Not by an exception: one that strikes
        # while a library in Rust is being loaded makes it panic.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(EXIT_OK))
    settings = _load_service(options)
    from notifier import app

    with _make_runner() as runner:
        if not options.once:
            runner.run(app.run(settings))
            return EXIT_OK
        report = runner.run(app.run_once(settings))
    for problem in report.problems:
        print(f"notifier: {problem}", file=sys.stderr)
    return EXIT_FAILURE if report.problems else EXIT_OK


def _make_runner() -> "asyncio.Runner":
    """Make what runs the service: on uvloop where the extra `fast` is installed."""
    import asyncio

    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _check(options: argparse.Namespace) -> int:
    settings = _load_service(options)
    import asyncio

    from notifier import checkup, screen
    from notifier.domain.delivery import Level

    async def print_findings() -> bool:
        is_well = True
        async for finding in checkup.check(settings, is_offline=options.offline, sends=options.send):
            print(screen.draw_finding(finding), flush=True)
            is_well = is_well and finding.level is not Level.PROBLEM
        return is_well

    return EXIT_OK if asyncio.run(print_findings()) else EXIT_FAILURE


def _demo(options: argparse.Namespace) -> int:
    import asyncio

    from notifier.sandbox.demo import show

    return asyncio.run(show(seconds=options.seconds, port=options.port))
