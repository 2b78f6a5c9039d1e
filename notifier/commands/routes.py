"""`notifier routes`: who is told of what, drawn and tried."""

import argparse
import sys
from typing import TYPE_CHECKING

from notifier.commands.entry import EXIT_FAILURE, EXIT_OK, Commands, add_command, load, open_store
from notifier.commands.reading import read_instant
from notifier.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.domain.change import Change
    from notifier.domain.message import Severity
    from notifier.domain.model import Account
    from notifier.settings import Settings

_SEVERITIES = ("critical", "error", "warning", "info")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    routes = add_command(commands, "routes", "show who is told of what")
    actions = routes.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = add_command(actions, "show", "draw the routes")
    show.set_defaults(command=_show)
    test = add_command(actions, "test", "say who would be told of a change, and why; nothing is sent")
    test.add_argument(
        "--event", metavar="NAME", help="Dintero's event, or applied, status_changed, withdrawn, …"
    )
    test.add_argument("--status", metavar="STATUS", help="pending, enabled, failed, declined, …")
    test.add_argument(
        "--account",
        type=_read_account,
        required=True,
        metavar="ID",
        help="P12345678, or T12345678 for a test",
    )
    test.add_argument("--connection", default="vipps", metavar="NAME", help="default: vipps")
    test.add_argument("--merchant", default="", metavar="NAME", help="the merchant's name")
    mode = test.add_mutually_exclusive_group()
    mode.add_argument("--live", dest="is_live", action="store_true", default=None, help="a live account")
    mode.add_argument(
        "--test", dest="is_live", action="store_false", help="a test account (default: by its id)"
    )
    test.add_argument("--severity", choices=_SEVERITIES, help="instead of the change's own")
    test.add_argument("--case", default="", metavar="CASE", help="the case, where a silence is about one")
    test.add_argument("--at", type=read_instant, metavar="INSTANT", help="when (default: now)")
    test.set_defaults(command=_test, usage_error=test.error)


def _read_account(text: str) -> str:
    from notifier.settings.values import check_account_id

    try:
        return check_account_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _show(options: argparse.Namespace) -> int:
    from notifier.commands import tree
    from notifier.routing import list_routes
    from notifier.settings import resolve_receivers

    settings = load(options)
    routes = list_routes(settings)
    print(tree.draw_routes(routes, resolve_receivers(settings).aliases))
    return EXIT_OK


def _test(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from notifier.commands import tree
    from notifier.domain.change import Change, Reason, Topic
    from notifier.domain.message import Severity
    from notifier.domain.model import PENDING, SIGNATURE_REQUIRED, TERMINAL_STATUSES, Account, ConnectionKey
    from notifier.domain.routes import route_change, trace_change
    from notifier.routing import list_intervals, list_routes
    from notifier.settings import resolve_receivers

    if options.event is None and options.status is None:
        options.usage_error("one of --event and --status is needed")
    settings = load(options)
    now = options.at or datetime.now(UTC)
    topic = options.event or Topic.STATUS_CHANGED
    status = options.status
    if status is None:
        status = topic if topic in TERMINAL_STATUSES else PENDING if topic == SIGNATURE_REQUIRED else None
    is_live = options.account.startswith("P") if options.is_live is None else options.is_live
    account = Account(options.account, options.merchant, is_live=is_live)
    key = ConnectionKey(options.account, options.connection)
    change = Change("", topic, key, options.case, status, now, Reason.NEW_EVENT, is_told=True)
    severity = Severity(options.severity) if options.severity else None
    routes = list_routes(settings)
    matches = route_change(change, account, routes, severity)
    looks = trace_change(change, account, routes, severity)
    print(tree.draw_subject(change, account, severity))
    print(tree.draw_looks(looks))
    aliases = resolve_receivers(settings).aliases
    print(tree.draw_matches(matches, aliases, list_intervals(settings), now))
    return _test_silences(settings, change, account, severity, now)


def _test_silences(
    settings: "Settings", change: "Change", account: "Account", severity: "Severity | None", now: "datetime"
) -> int:
    from notifier import screen
    from notifier.domain.silences import find_silence
    from notifier.store.silences import list_silences

    try:
        with open_store(settings) as database:
            silences = database.read_now(lambda connection: list_silences(connection, since=now))
    except StoreError as error:
        print(f"notifier: whether it is silenced is not known: {error}", file=sys.stderr)
        return EXIT_FAILURE
    found = find_silence(silences, change, account, now, severity)
    print(f"silenced   {'no' if found is None else screen.draw_silence(found, now)}")
    return EXIT_OK
