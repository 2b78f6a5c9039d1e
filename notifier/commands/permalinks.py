"""Where messages stand, as addresses that people can open: asked of Slack while somebody waits."""

from collections.abc import Iterable

from notifier.app import connect
from notifier.domain.story import Standing
from notifier.errors import DeliveryError, DeliveryRejected
from notifier.receivers.slack.bot import SlackBotReceiver
from notifier.settings import Settings


async def find_permalinks(
    settings: Settings, places: Iterable[Standing]
) -> tuple[dict[Standing, str], tuple[str, ...]]:
    """Ask Slack where messages stand; with their addresses come sentences about who could not be asked."""
    links: dict[Standing, str] = {}
    silent: dict[str, str] = {}
    async with connect(settings) as outside:
        for place in places:
            receiver = outside.receivers.get(place.receiver)
            if not isinstance(receiver, SlackBotReceiver) or place.receiver in silent:
                continue
            try:
                links[place] = await receiver.find_permalink(place.channel, place.message_ref)
            except DeliveryRejected as error:
                if error.scope == "receiver":
                    silent[place.receiver] = str(error)
            except DeliveryError as error:
                silent[place.receiver] = str(error)
    return links, tuple(silent.values())
