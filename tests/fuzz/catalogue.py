"""Every target there is, by its name."""

from typing import Final

from tests.fuzz import dintero_answers, messages, other_answers, settings_files, slack_answers
from tests.fuzz.exploring import Tally, Target, explore

TARGETS: Final[tuple[Target, ...]] = (
    *dintero_answers.TARGETS,
    *slack_answers.TARGETS,
    *other_answers.TARGETS,
    *settings_files.TARGETS,
    *messages.TARGETS,
)

BY_NAME: Final = {target.name: target for target in TARGETS}


def explore_chunk(name: str, seed_number: int, inputs: int, until: float) -> Tally:
    """Feed a target by its name; it stands here since a spawned process imports no package's `__main__`."""
    return explore(BY_NAME[name], seed_number, inputs, until)
