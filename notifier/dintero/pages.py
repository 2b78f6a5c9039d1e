"""A walk through a partner's accounts: where it stands, and that it comes to an end."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from notifier.dintero.wire.accounts import Element, Page
from notifier.dintero.wire.place import Place
from notifier.errors import SourceMalformed

LIMIT: Final = 100
"""docs.dintero.com, "List accounts", read 2026-08: `limit` is from 1 to 100."""


@dataclass(slots=True)
class Walk:
    """One walk. `limit` is how many accounts the next page may have, `cursor` what it starts after."""

    place: Place
    limit: int = LIMIT
    cursor: str | None = None
    is_over: bool = False
    _met: set[str] = field(default_factory=set, repr=False)
    _cursors: set[str] = field(default_factory=set, repr=False)

    @property
    def query(self) -> str:
        """The next page's query."""
        parameters: dict[str, str | int] = {"limit": self.limit}
        if self.cursor is not None:
            parameters["starting_after"] = self.cursor
        return f"?{urlencode(parameters, errors='replace')}"

    def halve(self) -> bool:
        """Ask for half as many from now on; False when it is one already."""
        if self.limit == 1:
            return False
        self.limit //= 2
        return True

    def advance(self, page: Page) -> tuple[Element, ...]:
        """Give the page's accounts that the walk has not met, and go on behind it.

        A page is the last when it is empty: a short one need not be, where a server counts in its own way.
        One that is short and holds nothing new is the last too. Raises SourceMalformed where the walk would
        go in circles, or could not go on.
        """
        new = tuple(self._find_new(page))
        if not page.elements or (not new and len(page.elements) < self.limit):
            self.is_over = True
            return ()
        if not new:
            raise SourceMalformed(
                f"Dintero gave a page without any new account for {self.place}.", status=200
            )
        if page.cursor is None:
            # Only the last page may end with an account that nothing can start after.
            if len(page.elements) >= self.limit:
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

    def _find_new(self, page: Page) -> list[Element]:
        new: list[Element] = []
        for element in page.elements:
            # One without a readable id is told apart by its bytes.
            name = element.account_id or element.digest.hex()
            if name not in self._met:
                self._met.add(name)
                new.append(element)
        return new
