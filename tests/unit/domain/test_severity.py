"""How much a change matters."""

import pytest

from notifier.domain.change import Topic
from notifier.domain.message import Severity
from notifier.domain.severity import assess_severity


@pytest.mark.parametrize(
    ("topic", "status", "severity"),
    [
        ("status_changed", "failed", Severity.ERROR),
        ("failed", None, Severity.ERROR),
        ("rejected_by_bank", "declined", Severity.WARNING),
        ("declined", None, Severity.WARNING),
        ("declined", "enabled", Severity.INFO),
        (Topic.UNKNOWN_VALUE, "failed", Severity.WARNING),
        (Topic.UNKNOWN_VALUE, None, Severity.WARNING),
        (Topic.WITHDRAWN, "failed", Severity.INFO),
        (Topic.UNWATCHED, "declined", Severity.INFO),
        ("signature_required", "pending", Severity.INFO),
        ("status_changed", "under_review", Severity.INFO),
    ],
)
def test_severity(topic: str, status: str | None, severity: Severity) -> None:
    """A failure must be an error, a refusal or an unknown word a warning; and of a test account nothing."""
    assert assess_severity(topic, status, is_live=True) is severity
    assert assess_severity(topic, status, is_live=False) is Severity.INFO
