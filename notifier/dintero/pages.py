"""A walk through a partner's accounts: where it stands, and that it comes to an end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from notifier.dintero.wire.accounts import Element, Page
from notifier.dintero.wire.failures import OversizedBody, clean
from notifier.dintero.wire.place import Place
from notifier.errors import SourceMalformed

_SMALL_PAGES: Final = 8
"""So many pages after one that was too long are as small as what it was cut into."""

LIMIT: Final = 100
"""docs.dintero.com, "List accounts", read 2026-08: `limit` is from 1 to 100."""


@dataclass(slots=True)
class Walk:
    """One walk. `limit` is how many accounts the next page may have, `cursor` what it starts after.

    A page that was too long is asked for in halves; after some small pages each is twice as large again, up
    to the limit that the walk began with.
    """

    place: Place
    limit: int = LIMIT
    filters: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    is_over: bool = False
    _met: set[str] = field(default_factory=set, repr=False)
    _cursors: set[str] = field(default_factory=set, repr=False)
    _pages_until_more: int = 0
    _most: int = 0

    def __post_init__(self) -> None:
        self._most = self.limit

    @property
    def query(self) -> str:
        """The next page's query."""
        parameters: dict[str, str | int] = {**self.filters, "limit": self.limit}
        if self.cursor is not None:
            parameters["starting_after"] = self.cursor
        return f"?{urlencode(parameters, errors='replace')}"

    def halve(self) -> bool:
        """Ask for half as many for a while; False when it is one already."""
        if self.limit == 1:
            return False
        self.limit //= 2
        self._pages_until_more = _SMALL_PAGES
        return True

    def give_up(self, error: OversizedBody) -> OversizedBody:
        """Make the error for a single account that is longer than the bound."""
        where = f"the account after {self.cursor!r}" if self.cursor else "the first account"
        sentence = f"{clean(where)} on it is alone longer than that: raise poll.max_body_mib"
        return OversizedBody(f"{error} {sentence[0].upper()}{sentence[1:]}.", status=error.status)

    def advance(self, page: Page) -> tuple[Element, ...]:
        """Give the page's accounts that the walk has not met, and go on behind it.

        A page is the last when it is empty: a short one need not be, where a server counts in its own way.
        One that is short and holds nothing new is the last too. Raises SourceMalformed where the walk would
        go in circles, or could not go on.
        """
        new = tuple(self._find_new(page))
        asked = self.limit
        self._ask_for_more()
        if not page.elements or (not new and len(page.elements) < asked):
            self.is_over = True
            return ()
        if not new:
            raise SourceMalformed(
                f"Dintero gave a page without any new account for {self.place}.", status=200
            )
        if page.cursor is None:
            # Only the last page may end with an account that nothing can start after.
            if len(page.elements) >= asked:
                raise SourceMalformed(
                    f"Dintero gave a page whose last account has neither paging_token nor account_id for "
                    f"{self.place}.",
                    status=200,
                )
            self.is_over = True
        elif page.cursor in self._cursors:
            raise SourceMalformed(f"Dintero gave the same paging_token twice for {self.place}.", status=200)
        else:
            self._cursors.add(page.cursor)
            self.cursor = page.cursor
        return new

    def _ask_for_more(self) -> None:
        if self.limit < self._most:
            self._pages_until_more -= 1
            if self._pages_until_more <= 0:
                self.limit = min(self.limit * 2, self._most)

    def _find_new(self, page: Page) -> list[Element]:
        new: list[Element] = []
        for element in page.elements:
            # One without a readable id is told apart by its bytes.
            name = element.account_id or element.digest.hex()
            if name not in self._met:
                self._met.add(name)
                new.append(element)
        return new
