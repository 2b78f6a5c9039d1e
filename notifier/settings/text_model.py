"""`[texts.<kind>]`: the words of the operator's own."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from notifier.settings.section import Section

TextKind: TypeAlias = Literal[
    "signature_required",
    "link_replaced",
    "applied",
    "reminder",
    "expires_soon",
    "expired",
    "enabled",
    "failed",
    "declined",
    "withdrawn",
    "returned",
    "unwatched",
    "stale",
    "status_changed",
    "digest",
]


def check_template(source: str) -> str:
    """Return a template that can be used."""
    from notifier import texts  # noqa: PLC0415 - Jinja2 is for those who have texts of their own

    return texts.check_template(source)


TextLine: TypeAlias = Annotated[str, AfterValidator(check_template)]


class TextSettings(Section):
    """`[texts.<kind>]`: what a kind of message says first, and a line below it."""

    headline: TextLine | None = None
    note: TextLine | None = None
