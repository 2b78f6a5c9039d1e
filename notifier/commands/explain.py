"""`notifier explain`: the whole story of one event or case."""

import argparse
from typing import TYPE_CHECKING

from notifier.commands.entry import EXIT_OK, Commands, add_command, load, open_store
from notifier.errors import NotifierError

if TYPE_CHECKING:
    from notifier.domain.story import Story, Subject
    from notifier.settings import Settings

_MOST_PERMALINKS = 30
_MOST_NAMED = 5
_LONGEST_ID = 300


class NoStory(NotifierError):
    """What was asked for is not known, or may be one of several things."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    explain = add_command(
        commands,
        "explain",
        "tell the whole story of one event or case",
        "The poll that showed it, what was decided and why, and every attempt to tell it.",
    )
    explain.add_argument(
        "id",
        metavar="EVENT_ID|CASE",
        help="Dintero's event id, a case, a signup's id, ACCOUNT/connection (its present case), "
        "or an id of a change or message as the log and `notifier outbox list` show it",
    )
    explain.add_argument("--json", action="store_true", help="as JSON")
    explain.add_argument("--offline", action="store_true", help="do not ask Slack for permalinks")
    explain.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> int:
    from notifier.commands import narration
    from notifier.store.story import read_story

    settings = load(options)
    asked = options.id if options.id.isprintable() and len(options.id) <= _LONGEST_ID else ""
    with open_store(settings) as database:
        subjects, story = database.read_now(lambda connection: read_story(connection, asked))
    if story is None:
        raise _judge(subjects)
    notes: tuple[str, ...] = ()
    if not options.offline:
        story, notes = _ask_for_permalinks(settings, story)
    print(narration.dump(story, notes) if options.json else narration.draw(story, notes))
    return EXIT_OK


def _judge(subjects: "tuple[Subject, ...]") -> NoStory:
    """Return what is said where there is not one story."""
    from notifier.screen import clean

    if not subjects:
        return NoStory(
            "nothing is known by that name: give Dintero's event id, a case, a signup's id, "
            "ACCOUNT/connection, or an id from the log or from `notifier outbox list`"
        )
    named = ", ".join(str(one) for one in subjects[:_MOST_NAMED])
    more = f" and {len(subjects) - _MOST_NAMED} more" if len(subjects) > _MOST_NAMED else ""
    return NoStory(clean(f"that may be several things, give the id of one: {named}{more}"))


def _ask_for_permalinks(settings: "Settings", story: "Story") -> "tuple[Story, tuple[str, ...]]":
    """Complete a story with Slack's addresses of its messages, where Slack says them."""
    places = story.list_places()[:_MOST_PERMALINKS]
    if not places:
        return story, ()
    import asyncio

    from notifier import log, network
    from notifier.settings import list_secrets

    log.configure("error", secrets=list_secrets(settings))
    network.load_aiohttp()
    from notifier.commands.permalinks import find_permalinks

    links, notes = asyncio.run(find_permalinks(settings, places))
    return story.add_permalinks(links), notes
