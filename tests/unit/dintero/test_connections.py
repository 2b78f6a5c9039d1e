"""One connection: every documented field that is kept, and every strange one."""

import json
from datetime import UTC, datetime

import pytest

from notifier.dintero.wire.connections import decode_connection
from notifier.domain.model import ConnectionSnapshot, Event, SignatureLink, Signup
from notifier.errors import SourceMalformed
from tests.unit.dintero.samples import PLACE, VIPPS, load


def read(value: object) -> tuple[ConnectionSnapshot, tuple[str, ...]]:
    """Decode one connection; its snapshot and the problems named."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    account = decode_connection(body, VIPPS, PLACE)
    (connection,) = account.connections
    return connection, account.problems


def test_the_documented_answer_is_read_in_full() -> None:
    """Every kept field of the documented example arrives, in UTC."""
    connection, problems = read(load("connection_vipps"))
    assert problems == ()
    assert connection == ConnectionSnapshot(
        key=VIPPS,
        status="pending",
        created_at=datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC),
        updated_at=datetime(2023, 11, 7, 6, 31, 56, 250_000, tzinfo=UTC),
        signups=(
            Signup(
                "81b83246-5c19-7b94-875b-ea6d1114f099",
                datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC),
                datetime(2023, 12, 7, 5, 31, 56, tzinfo=UTC),
            ),
        ),
        events=(
            Event(
                "c2f6a1f2-0001",
                "pending",
                "signature_required",
                datetime(2023, 11, 7, 6, 31, 56, tzinfo=UTC),
                "Vipps awaiting signature",
                SignatureLink("https://sig.example.com/K34K244"),
            ),
        ),
    )


def test_what_is_not_kept_becomes_no_value() -> None:
    """Configuration, metadata, signup addresses and authors are nowhere in the decoded value."""
    account = decode_connection(load("connection_vipps"), VIPPS, PLACE)
    assert not account.is_complete
    shown = repr(account) + "".join(event.description for event in account.connections[0].events)
    assert "CANARY" not in shown


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://x.example/a b", "https://x.example/a b"),
        ("x" * 9_000, "x" * 8_000),
        (["https://x.example"], '["https://x.example"]'),
        ({"url": 1}, '{"url": 1}'),
        (17, "17"),
        (False, "false"),
        ("nul\0", "nul\ufffd"),
        ("", None),
        (None, None),
    ],
)
def test_a_link_is_kept_as_it_came(link: object, expected: str | None) -> None:
    """A text stays as it is, anything else is its JSON text, nothing stays nothing; it is cut at 8,000."""
    connection, problems = read({"status": "pending", "events": [{"metadata": {"signature_link": link}}]})
    assert problems == ()
    assert connection.events[0].link == (None if expected is None else SignatureLink(expected))


@pytest.mark.parametrize("metadata", [None, [], "text", 3, {}, {"signature_link": None}])
def test_an_event_without_a_link_is_an_event(metadata: object) -> None:
    """Metadata of any type costs no more than the link."""
    connection, problems = read({"status": "pending", "events": [{"id": "e", "metadata": metadata}]})
    assert problems == ()
    assert connection.events[0].event_id == "e"
    assert connection.events[0].link is None


@pytest.mark.parametrize(
    "field", ["id", "status", "event", "created_at", "description", "metadata", "created_by"]
)
@pytest.mark.parametrize("value", [None, 3, 3.5, True, [], {}, "", "\0", "9" * 400, "☃️" * 50, 10**30])
def test_a_strange_field_costs_only_itself(field: str, value: object) -> None:
    """An event with one field of the wrong type is still an event, with its other fields."""
    event = {"id": "e1", "event": "signature_required", "created_at": "2024-01-01T00:00:00Z", "status": "x"}
    connection, problems = read({"status": "pending", "events": [{**event, field: value}, event]})
    assert problems == ()
    assert len(connection.events) == 2
    strange, plain = connection.events
    assert plain.created_at == datetime(2024, 1, 1, tzinfo=UTC)
    kept = {"id": strange.event_id == "e1", "event": strange.name == "signature_required"}
    assert all(is_kept for name, is_kept in kept.items() if name != field)
    assert "\0" not in repr(strange)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-07T05:31:56", datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)),
        ("2023-11-07T05:31:56+02:00", datetime(2023, 11, 7, 3, 31, 56, tzinfo=UTC)),
        ("2023-11-07T05:31:56.1234567Z", datetime(2023, 11, 7, 5, 31, 56, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("2023-13-41T99:00:00Z", None),
        (1_699_335_116, None),
    ],
)
def test_instants_are_utc_or_absent(text: object, expected: datetime | None) -> None:
    """A naive date-time is read as UTC, garbage as absent."""
    connection, _ = read({"status": "pending", "created_at": text, "updated_at": text})
    assert connection.created_at == connection.updated_at == expected


def test_a_bad_event_is_named_and_the_others_work() -> None:
    """What is no event among events is left out and named by its number."""
    connection, problems = read({"status": "pending", "events": [{"id": "a"}, "bad", None, {"id": "b"}]})
    assert [event.event_id for event in connection.events] == ["a", "b"]
    assert [problem.count("number 2") + problem.count("number 3") for problem in problems] == [1, 1]
    assert "P12345678/vipps" in problems[0]


def test_events_that_are_no_list_do_not_cost_the_status() -> None:
    """A connection whose events cannot be read still tells its status."""
    connection, problems = read({"status": "declined", "events": {"a": 1}})
    assert (connection.status, connection.events) == ("declined", ())
    assert "no list" in problems[0]


def test_every_form_of_application_is_a_signup() -> None:
    """`signups`, `direct_signups` and `signup` are read with each of their names for the id, once each."""
    value = {
        "signups": [{"case_id": "c", "created_at": "2024-01-01T00:00:00Z"}, {}, None, "bad"],
        "direct_signups": [{"signup_id": 7}],
        "signup": {"case_id": "c", "created_at": "2024-01-01T00:00:00Z"},
    }
    connection, problems = read(value)
    assert connection.signups == (Signup("c", datetime(2024, 1, 1, tzinfo=UTC)), Signup("7"))
    assert len(problems) == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            rb'{"status": "pending", "events": [{"id": "e", "description": "\ud83d"}]}', id="half pair"
        ),
        pytest.param(
            rb'{"x": "\udc00", "status": "pending", "events": [{"id": "e"}]}', id="half pair unread"
        ),
        pytest.param(
            b'{"status": "pending", "events": [{"id": "e", "description": "\xff"}]}', id="not UTF-8"
        ),
        pytest.param(b'\xef\xbb\xbf{"status": "pending", "events": [{"id": "e"}]}', id="byte order mark"),
    ],
)
def test_broken_text_does_not_cost_the_answer(body: bytes) -> None:
    """Half an emoji, bytes that are no UTF-8 and a byte order mark are repaired, and the rest is read."""
    connection, problems = read(body)
    assert (connection.status, connection.events[0].event_id, problems) == ("pending", "e", ())
    connection.events[0].description.encode()


def test_an_escaped_backslash_is_no_surrogate() -> None:
    """The repair leaves alone whole pairs, and text that only looks like an escape."""
    connection, _ = read(rb'{"status": "\\ud800 \ud83d\ude00 \ud83d", "x": 1}')
    assert connection.status == "\\ud800 😀 \ufffd"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty body"),
        (b"<html>CANARY</html>", "HTML"),
        (b"nonsense CANARY", "no valid JSON"),
        (b'["CANARY"]', "another shape"),
        (b'"CANARY"', "another shape"),
        (b"null", "another shape"),
        (b'{"CANARY": 1}', "without any field"),
        (b'{"status":' + b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_wholly_wrong_shape_is_malformed(body: bytes, said: str) -> None:
    """What is no connection is SourceMalformed, which says what it is and quotes nothing of it."""
    with pytest.raises(SourceMalformed) as caught:
        read(body)
    assert said in str(caught.value)
    assert "P12345678" in str(caught.value)
    assert "CANARY" not in str(caught.value)
