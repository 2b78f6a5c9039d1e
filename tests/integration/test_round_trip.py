"""What is saved is loaded equal, whatever it holds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.model import Account, ConnectionKey, SignatureLink
from notifier.domain.state import AccountState, Case, CaseEnd, ConnectionState, KnownEvent
from notifier.store import tables
from notifier.store.books import Books
from notifier.store.database import Database, _find_path
from tests.integration.conftest import make_url, opened

# Everything that JSON can hold; lone surrogates are no text, and the wire refuses them.
odd = (
    "",
    "\x00",
    "'; DROP TABLE events; --",
    "\u202eabc",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "é",
    "%s",
    ":x",
    "\ud7ff",
    "\U0010ffff",
)
texts = st.text(max_size=20) | st.sampled_from(odd)
instants = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - made aware below
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
digests = st.text("0123456789abcdef", min_size=4, max_size=8)
maybe_texts = st.none() | texts
maybe_instants = st.none() | instants

cases = st.builds(
    Case,
    case_id=digests,
    key=st.just(ConnectionKey("", "")),
    ordinal=st.just(0),
    opened_at=instants,
    signup_id=maybe_texts,
    signup_created_at=maybe_instants,
    expires_at=maybe_instants,
    asked_at=maybe_instants,
    end=st.none() | st.sampled_from(CaseEnd),
)
events = st.builds(
    KnownEvent,
    event_key=digests,
    case_id=digests,
    event_id=maybe_texts,
    digest=digests,
    status=maybe_texts,
    name=texts,
    created_at=maybe_instants,
    seen_at=instants,
    description=texts,
    link=st.none() | texts.map(lambda text: SignatureLink(f"https://{text}")),
    link_digest=digests,
    link_version=st.integers(0, 9),
)
connections = st.builds(
    ConnectionState,
    key=st.builds(ConnectionKey, st.just(""), texts),
    source=texts,
    first_seen_at=instants,
    status=maybe_texts,
    updated_at=maybe_instants,
    case=st.none() | cases,
    earlier_cases=st.lists(cases, max_size=2).map(tuple),
    events=st.lists(events, max_size=3).map(tuple),
    bare=st.lists(texts, max_size=2).map(tuple),
    ahead=maybe_texts,
    transitions=st.integers(0, 1_000_000),
    gone_at=maybe_instants,
    unwatched_at=maybe_instants,
)
accounts = st.builds(
    AccountState,
    account=st.builds(Account, texts, texts, is_live=st.booleans()),
    source=texts,
    first_seen_at=instants,
    first_read_at=maybe_instants,
    is_arrival=st.booleans(),
    unwatched_at=maybe_instants,
    connections=st.lists(connections, max_size=2, unique_by=lambda one: one.key.name).map(
        lambda drawn: {one.key.name: one for one in drawn}
    ),
)


def _settle(state: AccountState) -> AccountState:
    """Give what was drawn the names and the numbers that hold a real account together."""
    settled = {name: _settle_connection(state, one) for name, one in state.connections.items()}
    return replace(state, connections=settled)


def _settle_connection(state: AccountState, one: ConnectionState) -> ConnectionState:
    key = ConnectionKey(state.account.account_id, one.key.name)
    drawn = (*one.earlier_cases, *((one.case,) if one.case else ()))
    numbered = tuple(
        replace(case, case_id=f"{key!r} {number} {case.case_id}", key=key, ordinal=number)
        for number, case in enumerate(drawn, start=1)
    )
    return replace(
        one,
        key=key,
        case=numbered[-1] if one.case else None,
        earlier_cases=numbered[: len(one.earlier_cases)],
        events=tuple(
            replace(event, event_key=f"{key!r} {number}") for number, event in enumerate(one.events)
        ),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give one store for all examples."""
    with opened(tmp_path_factory.mktemp("round") / "notifier.db") as database:
        yield database


@settings(max_examples=30, deadline=None)
@given(state=accounts.map(_settle), other=accounts.map(_settle))
def test_what_is_saved_is_loaded_equal(store: Database, state: AccountState, other: AccountState) -> None:
    """An account with all it has must come back as it was, beside another and after being saved again."""
    wanted = {other.account.account_id: other, state.account.account_id: state}

    def job(books: Books) -> dict[str, AccountState]:
        for table in (tables.accounts, tables.connections, tables.cases, tables.events):
            books._connection.execute(table.delete())
        for one in (*wanted.values(), state):
            books.save_accounts([one])
            books.save_connections([*one.connections.values()])
        return books.load_accounts(wanted)

    assert store.run_now(job) == wanted


@settings(max_examples=50, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["C"], exclude_characters="?#/"), min_size=1))
def test_a_file_is_named_as_it_is_written(name: str) -> None:
    """The file of `store.url` must be the one that is written there: `%20` is no space in it."""
    assert _find_path(f"sqlite:////folder/{name}") == Path(f"/folder/{name}")
    assert _find_path(make_url(Path(f"/folder/{name}"))) == Path(f"/folder/{name}")
