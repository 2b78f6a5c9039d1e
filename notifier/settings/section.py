"""What every section of the settings is."""

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

WhenUnsure: TypeAlias = Literal["resend", "hold"]


class Section(BaseModel):
    """A table of settings: frozen, without unknown keys, silent about what stood in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
