"""What every section of the settings is."""

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationInfo

WhenUnsure: TypeAlias = Literal["resend", "hold"]


class Section(BaseModel):
    """A table of settings: frozen, without unknown keys, silent about what stood in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def require_at_least(info: ValidationInfo, other: str, value: float) -> None:
    """Refuse a value below that of an earlier field; an earlier one that is itself wrong says so itself.

    For a field's validator. Raises ValueError.
    """
    lowest = info.data.get(other)
    if lowest is not None and value < lowest:
        raise ValueError(f"expected no less than {other} in the same section")
