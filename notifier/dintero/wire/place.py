"""What was asked of Dintero, for the sentence of an error."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A question: `subject` for people ("connection vipps of P12345678"), `path` below the base URL.

    `settings` begins the names of the variables that hold the credentials in use ("NOTIFIER_DINTERO__").
    """

    subject: str
    path: str
    settings: str
    asks_for_token: bool = False

    def __str__(self) -> str:
        return f"{self.subject} (…{self.path})"
