"""Whether the settings work: what `notifier check` finds, from the settings to the receivers."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING

from notifier.alarms import check_alarms
from notifier.app import connect, open_network_for
from notifier.domain.delivery import Finding, Level
from notifier.domain.keeping import LINKS, describe_unreadable
from notifier.errors import NotifierError
from notifier.service.ports import Receiver
from notifier.settings import Settings

if TYPE_CHECKING:
    from notifier.store.links import LinkCount


async def check(settings: Settings, *, is_offline: bool, sends: bool) -> AsyncIterator[Finding]:
    """Say, finding by finding, whether the settings work."""
    yield Finding(Level.OK, "settings", "are complete and fit together")
    for path in settings.exposed_files:
        sentence = f"{path} holds secrets, and every user of this machine can read it: chmod 600 it"
        yield Finding(Level.WARNING, "settings", sentence)
    for finding in check_store(settings):
        yield finding
    open_network_for(settings)
    if is_offline:
        return
    async with connect(settings) as outside:
        for name, source in outside.sources.items():
            targets = tuple(target for target in outside.targets if target.source == name)
            async for finding in source.check(targets):
                yield finding
        for finding in check_alarms(settings, outside.directory):
            yield finding
        async for finding in _check_receivers(outside.receivers.values(), sends=sends):
            yield finding


async def _check_receivers(receivers: Iterable[Receiver], *, sends: bool) -> AsyncIterator[Finding]:
    places: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for receiver in receivers:
        async for finding in receiver.check(sends=sends):
            yield finding
            if finding.place:
                places[finding.place].setdefault(receiver.destination, receiver.name)
    for place, names in places.items():
        for finding in _judge_place(place, list(names.values())):
            yield finding


def _judge_place(place: str, names: list[str]) -> Iterator[Finding]:
    """Say of receivers that lead to one place whether that is known: only then they share its pace."""
    if len(names) > 1:
        said = " and ".join(names)
        sentence = f"the receivers {said} lead there under different names: call it {place} in all of them"
        yield Finding(Level.WARNING, place, f"{sentence}, or each keeps to the pace that they should share")


def check_store(settings: Settings) -> Iterator[Finding]:
    """Say whether the store can be used, and who can read it; one that is not there yet is not made."""
    from notifier.store.opening import make_store  # noqa: PLC0415 - long to import, and only some need it

    store = make_store(settings.store.url.get_secret_value(), settings.store.keys)
    try:
        yield Finding(Level.OK, "store", store.examine())
        if not store.is_there():
            return
        if path := store.find_exposed():
            sentence = f"{path} can be read by other users of this machine: chmod 600 it"
            yield Finding(Level.WARNING, "store", sentence)
        yield _judge_links(store.count_links(), settings)
    except NotifierError as error:
        yield Finding(Level.PROBLEM, "store", str(error))
    finally:
        store.close()


def _judge_links(count: "LinkCount", settings: Settings) -> Finding:
    has_key = bool(settings.store.keys)
    if count.unreadable:
        return Finding(Level.WARNING, LINKS, describe_unreadable(count.unreadable, has_key=has_key))
    if not has_key:
        sentence = "whoever reads the store can open them; with NOTIFIER_STORE__KEY they are encrypted"
    elif count.plain:
        sentence = f"the next run encrypts the {count.plain} that are not yet encrypted"
    else:
        sentence = "they are encrypted in the store"
    return Finding(Level.OK, LINKS, sentence)
