"""What every table of settings is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of settings: frozen, without unknown keys, silent about what stood in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
