"""`notifier outbox`: messages that were given up, or are held until somebody decides."""

import argparse
import sys

from notifier.commands.entry import EXIT_FAILURE, EXIT_OK, Commands, add_command, load, open_store


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    outbox = add_command(commands, "outbox", "look after messages that were given up or are held")
    actions = outbox.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = add_command(actions, "list", "show dead letters and held messages, and why")
    listing.add_argument("--all", action="store_true", help="and those that are still to be sent")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)
    retry = add_command(
        actions,
        "retry",
        "send dead letters or held messages again",
        "Each is made anew, from how things stand when it leaves.",
    )
    retry.add_argument("ids", nargs="*", metavar="ID", help="which ones (default: all dead letters)")
    retry.set_defaults(command=_retry)
    drop = add_command(actions, "drop", "decide that messages are not to be sent")
    drop.add_argument("ids", nargs="+", metavar="ID", help="which ones")
    drop.set_defaults(command=_drop)


def _list(options: argparse.Namespace) -> int:
    from notifier import screen
    from notifier.store.report import AWAITS_DECISION, UNSENT, list_letters

    others = UNSENT if options.all else ()
    with open_store(load(options)) as database:
        letters = database.read_now(lambda connection: list_letters(connection, (*AWAITS_DECISION, *others)))
    print(screen.dump_letters(letters) if options.json else screen.draw_letters(letters))
    return EXIT_OK


def _retry(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    with open_store(load(options)) as database:
        count = database.run_now(lambda books: books.outbox.retry(options.ids or None, now))
    return _say_count(count, len(options.ids), "will be sent again within half a minute, or by the next run")


def _drop(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    with open_store(load(options)) as database:
        count = database.run_now(lambda books: books.outbox.drop(options.ids, now))
    return _say_count(count, len(options.ids), "will not be sent")


def _say_count(count: int, asked: int, what: str) -> int:
    print(f"{count} {'message' if count == 1 else 'messages'} {what}.")
    if count < asked:
        print(
            f"notifier: {asked - count} of the ids are of no message for which this can be done: "
            "see `notifier outbox list --all`",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    return EXIT_OK
