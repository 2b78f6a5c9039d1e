"""A walk through pages: complete, without circles, and with an end."""

import json

import pytest

from notifier.dintero.pages import Walk
from notifier.dintero.wire.accounts import Page, decode_page
from notifier.errors import SourceMalformed
from tests.unit.dintero.samples import PLACE


def page(*names: str, cursor: str | None = None) -> Page:
    """Make a page of accounts, perhaps with a token on each."""
    accounts = [{"account_id": name, "paging_token": cursor} for name in names]
    return decode_page(json.dumps(accounts).encode(), PLACE)


def advance(walk: Walk, answer: Page) -> list[str]:
    """Take one page and list the new accounts' ids."""
    return [element.account_id for element in walk.advance(answer)]


def test_a_walk_goes_on_to_an_empty_page() -> None:
    """The cursor is the last account's; a short page is not the end."""
    walk = Walk(PLACE, limit=2)
    assert walk.query == "?limit=2"
    assert advance(walk, page("P1", "P2")) == ["P1", "P2"]
    assert walk.query == "?limit=2&starting_after=P2"
    assert advance(walk, page("P3", cursor="a/b c")) == ["P3"]
    assert walk.query == "?limit=2&starting_after=a%2Fb+c"
    assert not walk.is_over
    assert advance(walk, page()) == []
    assert walk.is_over


def test_a_short_page_with_nothing_new_is_the_end() -> None:
    """A server that ignores the cursor of a list that fits on one page is no circle."""
    walk = Walk(PLACE, limit=3)
    advance(walk, page("P1", "P2"))
    assert advance(walk, page("P1", "P2")) == []
    assert walk.is_over


def test_an_account_is_met_once() -> None:
    """An account that an insertion moved to the next page is not given twice."""
    walk = Walk(PLACE, limit=2)
    advance(walk, page("P1", "P2"))
    assert advance(walk, page("P2", "P3")) == ["P3"]


def test_a_full_page_with_nothing_new_is_a_circle() -> None:
    """It is SourceMalformed, not a walk without end."""
    walk = Walk(PLACE, limit=2)
    advance(walk, page("P1", "P2"))
    with pytest.raises(SourceMalformed, match="without any new account"):
        walk.advance(page("P2", "P1", cursor="other"))


def test_a_repeated_cursor_is_a_circle() -> None:
    """It is SourceMalformed even where the accounts differ."""
    walk = Walk(PLACE, limit=1)
    advance(walk, page("P1", cursor="c"))
    with pytest.raises(SourceMalformed, match="same paging_token"):
        walk.advance(page("P2", cursor="c"))


def test_a_full_page_that_nothing_can_follow_is_malformed() -> None:
    """Without a cursor, accounts behind a full page would be lost in silence."""
    with pytest.raises(SourceMalformed, match="neither"):
        Walk(PLACE, limit=2).advance(decode_page(b'[{"account_id": "P1"}, {}]', PLACE))
    walk = Walk(PLACE, limit=3)
    assert advance(walk, decode_page(b'[{"account_id": "P1"}, {}]', PLACE)) == ["P1", ""]
    assert walk.is_over


def test_the_limit_is_halved_down_to_one() -> None:
    """100 accounts, then 50, …, then one, then no more."""
    walk = Walk(PLACE)
    limits = [walk.limit]
    while walk.halve():
        limits.append(walk.limit)
    assert limits == [100, 50, 25, 12, 6, 3, 1]
