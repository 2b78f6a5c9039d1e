"""How much a change matters."""

from notifier.domain.change import Topic
from notifier.domain.message import Severity
from notifier.domain.model import DECLINED, FAILED

_COMINGS_AND_GOINGS = frozenset({Topic.WITHDRAWN, Topic.RETURNED, Topic.UNWATCHED})


def assess_severity(topic: str, status: str | None, is_live: bool) -> Severity:
    """Return how much a change matters, by its topic, its status, and whether real money is behind it.

    A failure is an error; a refusal, and a word that nobody here knows, a warning; everything else is for
    information, and so is everything of a test account. CRITICAL is for the notifier's own blindness alone.
    """
    if not is_live or topic in _COMINGS_AND_GOINGS:
        return Severity.INFO
    if topic == Topic.UNKNOWN_VALUE:
        return Severity.WARNING
    outcome = status if status is not None else topic
    if outcome == FAILED:
        return Severity.ERROR
    return Severity.WARNING if outcome == DECLINED else Severity.INFO
