"""Every target there is."""

from typing import Final

from tests.fuzz import dintero_answers, messages, settings_files, slack_answers
from tests.fuzz.exploring import Target

TARGETS: Final[tuple[Target, ...]] = (
    *dintero_answers.TARGETS,
    *slack_answers.TARGETS,
    *settings_files.TARGETS,
    *messages.TARGETS,
)
