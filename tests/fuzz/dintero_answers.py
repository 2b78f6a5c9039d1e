"""Targets: whatever Dintero may answer, byte for byte."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Final

from hypothesis import strategies as st

from notifier.dintero.pages import Walk
from notifier.dintero.wire import accounts, connections, failures, token
from notifier.domain.model import AccountSnapshot
from notifier.errors import SourceError, SourceMalformed
from tests.fuzz.exploring import Target
from tests.fuzz.mutation import Batch, batch
from tests.property.test_dintero_answers import BODIES, encode_whole
from tests.unit.dintero.samples import FOLDER, PLACE, VIPPS

VALUE: Final = "value"
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)

SAMPLES: Final = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}
ALL: Final = tuple(SAMPLES.values())
bodies = st.sampled_from(ALL) | BODIES

DATES: Final = (
    "Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00", "Sun, 22 Nov 0001 00:00:00 +2359",
    "Fri, 31 Dec 9999 23:59:59 -2359", "1 Jan 99999999999999999999 00:00:00 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Mon, 00 Jan 2026 00:00:00 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 22 Nov 2026 12:00:00 +99999999999",
)  # fmt: skip
WAITS: Final = (
    "0",
    "1",
    "30",
    "0.5",
    "-1",
    "1e9",
    "inf",
    "nan",
    " 7 ",
    "９",
    "9" * 400,
    "1_0",
    "",
    ",",
    "1 2",
)
STATUSES: Final = (304, 307, 400, 401, 403, 404, 408, 425, 429, 500, 503)
header_values = st.sampled_from(DATES) | st.sampled_from(WAITS) | st.text(max_size=20) | st.builds(
    lambda date, start, piece: date[:start] + piece + date[start + 1 :],
    st.sampled_from(DATES), st.integers(0, 30), st.text(max_size=3),
)  # fmt: skip
headers = st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), header_values)


def check_sentence(error: Exception) -> str:
    """Check that an error can be shown to a person, and holds no address; return its name."""
    assert str(error).isprintable(), repr(error)
    assert "://" not in str(error), repr(error)
    assert len(str(error)) < 1_000
    return type(error).__name__


def check_snapshot(snapshot: AccountSnapshot) -> str:
    """Check that a snapshot can be kept: storable texts of a bounded length, and aware instants in UTC."""
    encode_whole(snapshot)
    assert all(problem.isprintable() and len(problem) < 1_000 for problem in snapshot.problems)
    for one in snapshot.connections:
        instants = [one.created_at, one.updated_at]
        instants += [at for signup in one.signups for at in (signup.created_at, signup.expires_at)]
        for event in one.events:
            instants.append(event.created_at)
            encode_whole(event.description)
            encode_whole(event.link.url if event.link else "")
            assert len(event.description) <= 20_000
            assert event.link is None or len(event.link.url) <= 8_000
        assert all(at is None or at.utcoffset() == timedelta() for at in instants)
    return VALUE


def take_token(body: bytes) -> str:
    """Read a token."""
    try:
        read = token.decode_token(body, PLACE)
    except SourceMalformed as error:
        return check_sentence(error)
    assert read.value.isascii()
    assert read.value.isprintable()
    assert isfinite(read.lifetime_seconds)
    assert read.lifetime_seconds >= 0
    assert read.value not in repr(read) or len(read.value) < 20
    return VALUE


def take_connection(body: bytes) -> str:
    """Read one connection."""
    try:
        return check_snapshot(connections.decode_connection(body, VIPPS, PLACE))
    except SourceMalformed as error:
        return check_sentence(error)


def take_account(body: bytes) -> str:
    """Read one account, and the same with some names only."""
    try:
        whole = accounts.decode_account(body, "P12345678", frozenset(), PLACE)
        some = accounts.decode_account(body, "P12345678", frozenset({"vipps", "payex"}), PLACE)
    except SourceMalformed as error:
        return check_sentence(error)
    names = {one.key.name for one in whole.connections}
    assert {one.key.name for one in some.connections} <= names
    return check_snapshot(replace(whole, problems=whole.problems + some.problems))


def take_page(body: bytes) -> str:
    """Walk a page: every account on it is a snapshot, and the walk ends or goes on."""
    walk = Walk(PLACE, limit=3)
    try:
        for element in walk.advance(accounts.decode_page(body, PLACE)):
            check_snapshot(accounts.read_element(element, frozenset()))
    except SourceMalformed as error:
        return check_sentence(error)
    assert walk.query.isascii()
    return VALUE


def unfold_failures(
    example: tuple[int, dict[str, str], Batch],
) -> Iterator[tuple[int, dict[str, str], bytes]]:
    """Give each body of a batch with the status and the headers."""
    status, head, bodies_of_one = example
    for body in bodies_of_one.unfold():
        yield status, head, body


def take_failure(answer: tuple[int, dict[str, str], bytes]) -> str:
    """Read an answer that is not 200."""
    status, head, body = answer
    error = failures.describe_failure(status, head, body, PLACE, now=NOW, hidden=("P12345678", ""))
    assert isinstance(error, SourceError)
    return check_sentence(error)


def take_retry_after(head: dict[str, str]) -> str:
    """Read how long Dintero asks to wait."""
    seconds = failures.read_retry_after(head, NOW)
    assert seconds is None or 0 <= seconds <= failures.RETRY_AFTER_MAX_SECONDS
    assert failures.read_redirect_host(head).isprintable()
    return "nothing" if seconds is None else VALUE


def near(name: str) -> st.SearchStrategy[Batch]:
    """Draw batches on one sample as often as on anything else."""
    return batch(st.booleans().flatmap(lambda is_near: st.just(SAMPLES[name]) if is_near else bodies), ALL)


TARGETS: Final = (
    Target("dintero token", 18, near("token"), take_token),
    Target("dintero connection", 26, near("connection_vipps"), take_connection),
    Target("dintero account", 26, near("account"), take_account),
    Target("dintero page", 20, near("page"), take_page),
    Target(
        "dintero failure",
        20,
        st.tuples(st.integers(100, 599) | st.sampled_from(STATUSES), headers, near("error_forbidden")),
        take_failure,
        unfold_failures,
    ),
    Target("dintero headers", 10, st.lists(headers, max_size=8), take_retry_after, iter),
)
