"""`notifier silence`: what is not to be told for a while."""

import argparse
import sys
from typing import Final

from notifier.commands.entry import EXIT_FAILURE, EXIT_OK, Commands, add_command, load, open_store
from notifier.commands.reading import LONGEST, read_duration, read_instant, read_matcher, read_words

_ID_BYTES: Final = 4


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    silence = add_command(commands, "silence", "keep back what is not to be told for a while")
    actions = silence.add_subparsers(title="actions", required=True, metavar="ACTION")
    new = add_command(
        actions,
        "add",
        "begin a silence now",
        "A MATCHER is name=pattern or name!=pattern, with account, merchant, connection, event, "
        "status, livemode, severity or case as the name, * for anything, and | between several patterns: "
        "'connection=vipps|swish'. All of them have to match.",
    )
    new.add_argument("matchers", nargs="+", type=read_matcher, metavar="MATCHER", help="what is silenced")
    end = new.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="span", type=read_duration, metavar="2h", help="how long: 30m, 2h, 3d, 1w")
    end.add_argument("--until", type=read_instant, metavar="INSTANT", help="2026-11-22T18:00+01:00")
    new.add_argument("--comment", required=True, type=read_words, metavar="TEXT", help="why")
    new.add_argument("--author", type=read_words, metavar="NAME", help="who says so (default: you)")
    new.set_defaults(command=_add)
    listing = add_command(actions, "list", "show silences")
    listing.add_argument("--all", action="store_true", help="and those that are over")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)
    expire = add_command(actions, "expire", "end silences now")
    expire.add_argument("ids", nargs="+", metavar="ID", help="which ones")
    expire.set_defaults(command=_expire)


def _add(options: argparse.Namespace) -> int:
    import secrets
    from datetime import UTC, datetime

    from notifier import screen
    from notifier.domain.silences import Silence
    from notifier.store.silences import add_silence, on

    now = datetime.now(UTC)
    ends_at = options.until or now + options.span
    if not now < ends_at <= now + LONGEST:
        print("notifier: --until: expected an instant to come, within the next ten years", file=sys.stderr)
        return EXIT_FAILURE
    silence = Silence(
        silence_id=secrets.token_hex(_ID_BYTES),
        matchers=tuple(options.matchers),
        author=options.author or _find_user(),
        comment=options.comment,
        created_at=now,
        starts_at=now,
        ends_at=ends_at,
    )
    with open_store(load(options)) as database:
        database.run_now(lambda books: on(books, lambda connection: add_silence(connection, silence)))
    print(screen.draw_silence(silence, now))
    return EXIT_OK


def _list(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from notifier import screen
    from notifier.store.silences import list_silences

    now = datetime.now(UTC)
    with open_store(load(options)) as database:
        found = database.read_now(
            lambda connection: list_silences(connection, since=None if options.all else now)
        )
    if options.json:
        print(screen.dump_silences(found, now))
    else:
        print("\n".join(screen.draw_silence(one, now) for one in found) or "There are none.")
    return EXIT_OK


def _expire(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from notifier.store.silences import expire_silences, on

    now = datetime.now(UTC)
    ids = sorted(set(options.ids))
    with open_store(load(options)) as database:
        count = database.run_now(
            lambda books: on(books, lambda connection: expire_silences(connection, ids, now))
        )
    print(f"{count} {'silence ends' if count == 1 else 'silences end'} now.")
    if count < len(ids):
        print(
            f"notifier: {len(ids) - count} of the ids are of no silence that could end: "
            "see `notifier silence list --all`",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    return EXIT_OK


def _find_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
