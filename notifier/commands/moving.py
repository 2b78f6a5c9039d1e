"""`notifier migrate-store`: everything that is remembered goes to another database."""

import argparse
from datetime import UTC, datetime

from notifier.commands.entry import EXIT_OK, Commands, add_command, load
from notifier.errors import ConfigError


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    moving = add_command(
        commands,
        "migrate-store",
        "carry a store to another database, such as PostgreSQL",
        "Stop the notifier first. Nothing is told again.",
    )
    moving.add_argument("source", metavar="FROM", help="the address that store.url had")
    moving.add_argument(
        "target", metavar="TO", nargs="?", help="the address that it will have (default: what store.url is)"
    )
    moving.set_defaults(command=_move)


def _move(options: argparse.Namespace) -> int:
    from notifier.store.moving import count_unsent, move
    from notifier.store.opening import make_store

    source = _read_address(options.source, "FROM")
    target = _read_address(options.target, "TO") if options.target else _find_target(options)
    if source == target:
        raise ConfigError("FROM and TO: are the same store.")
    with make_store(source) as old, make_store(target) as new:
        counts = move(old, new, datetime.now(UTC))
        unsent = new.read_now(lambda connection: count_unsent(counts, connection))
    print(
        f"Moved {sum(counts.values()):,} rows: {counts['accounts']:,} accounts, "
        f"{counts['connections']:,} connections, {counts['events']:,} events, {counts['outbox']:,} messages, "
        f"of which {unsent:,} are still to be sent."
    )
    print(
        "Set store.url to the new address. Never run the notifier on the old store again: it would tell anew."
    )
    return EXIT_OK


def _find_target(options: argparse.Namespace) -> str:
    return load(options).store.url.get_secret_value()


def _read_address(address: str, what: str) -> str:
    from notifier.settings.address_values import check_store_url

    try:
        return check_store_url(address)
    except ValueError as error:
        raise ConfigError(f"{what}: {error}.") from None
