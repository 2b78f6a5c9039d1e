"""Public holidays: the one place that uses the library `holidays`, which is loaded when it is first asked.

https://holidays.readthedocs.io, read 2026-11. A region is a country's ISO 3166-1 code, such as "NO", or the
ISO 3166-2 code of a part of it, such as "NO-03".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holidays import HolidayBase

_REGION: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """Says of a day whether it is a public holiday of a region; nothing is loaded before the first day."""

    region: str

    def __call__(self, day: date) -> bool:
        """Whether a day is a holiday."""
        return day in _open(self.region)


def find_holidays(region: str) -> Callable[[date], bool]:
    """Return what says of a day whether it is a holiday; the region must be one that `check_region` takes."""
    return PublicHolidays(region)


def check_region(text: str) -> str:
    """Return a region in the library's spelling; raises ValueError with what was expected."""
    region = text.upper()
    problem = ValueError('expected a country such as "NO" or "SE", or a part of one such as "DE-BY"')
    if not _REGION.fullmatch(region):
        raise problem
    try:
        _open(region)
    except NotImplementedError:
        raise problem from None
    return region


@lru_cache(maxsize=16)
def _open(region: str) -> "HolidayBase":
    import holidays  # noqa: PLC0415 - it takes a tenth of a second to import, and most commands never ask

    country, _, part = region.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)
