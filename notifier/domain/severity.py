"""How much a message matters to whoever is on call."""

from notifier.domain.change import Topic
from notifier.domain.message import Severity
from notifier.domain.model import DECLINED, FAILED


def assess_severity(topic: str, status: str | None, *, is_live: bool) -> Severity:
    """Return the severity of a change: a test account never wakes anybody, a refusal is no fault to mend."""
    if not is_live:
        return Severity.INFO
    if status == FAILED:
        return Severity.ERROR
    if status == DECLINED or topic == Topic.UNKNOWN_VALUE:
        return Severity.WARNING
    return Severity.INFO
