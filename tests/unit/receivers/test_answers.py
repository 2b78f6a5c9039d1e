"""What each of Slack's answers means."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.domain.delivery import Receipt
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)
from notifier.receivers.answers import Answer, lose, read_retry_after
from notifier.receivers.slack.answers import Address, read_post, read_posted, read_webhook
from notifier.receivers.slack.refusals import REFUSALS, Meaning, find_refusal

ADDRESS = Address("sales", "#sales", "NOTIFIER_SLACK__BOT_TOKEN", "NOTIFIER_SLACK__CHANNEL")
KINDS = {
    Meaning.RECEIVER: DeliveryRejected,
    Meaning.MESSAGE: DeliveryRejected,
    Meaning.ROOT: DeliveryRejected,
    Meaning.RATE: DeliveryRateLimited,
    Meaning.LATER: DeliveryUnavailable,
    Meaning.UNCLEAR: DeliveryAmbiguous,
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
bodies = json_values | st.fixed_dictionaries(
    {"ok": json_values},
    optional={
        "error": json_values | st.sampled_from(["missing_scope", "ratelimited", "channel_not_found"]),
        "needed": json_values | st.just("chat:write"),
        "channel": json_values,
        "ts": json_values,
    },
)
header_values = st.text(max_size=20) | st.sampled_from(["9" * 400, "1e9", "-1", "Wed, 99 Foo 2026"])


def explain(answer: Answer) -> DeliveryError:
    """Return the error that an answer of the Web API is."""
    with pytest.raises(DeliveryError) as caught:
        read_post(answer, ADDRESS)
    return caught.value


def refuse(code: str, **fields: object) -> DeliveryError:
    """Return the error for an `ok: false`."""
    return explain(Answer(200, {}, {"ok": False, "error": code, **fields}))


def test_receipt_says_where_the_message_stands() -> None:
    """A taken message must be found again by its channel and ts."""
    taken = Answer(200, {}, {"ok": True, "channel": "C1", "ts": "1503435956.000247"})
    assert read_post(taken, ADDRESS) == Receipt("C1", "1503435956.000247")
    assert read_post(Answer(200, {}, {"ok": True}), ADDRESS) == Receipt()


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_known_error_has_its_meaning(code: str) -> None:
    """Each error that Slack documents must come out as its kind, with Slack's own word in it."""
    refusal = find_refusal(code)
    assert refusal is not None
    error = refuse(code)
    assert type(error) is KINDS[refusal.meaning]
    assert error.code == code
    assert code in str(error)
    assert "{" not in str(error)
    if isinstance(error, DeliveryRejected):
        assert error.scope == refusal.meaning


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "NOTIFIER_SLACK__CHANNEL"),
        ("is_archived", "unarchive"),
        ("invalid_auth", "NOTIFIER_SLACK__BOT_TOKEN"),
        ("token_revoked", "NOTIFIER_SLACK__BOT_TOKEN"),
        ("restricted_action", "admin"),
    ],
)
def test_sentence_says_how_to_mend_it(code: str, words: str) -> None:
    """What somebody must mend has to be said, with the setting or the command."""
    assert words in str(refuse(code))


def test_missing_scope_is_named() -> None:
    """The scope that Slack asks for must be in the sentence; anything that is no scope must not."""
    assert "groups:history" in str(refuse("missing_scope", needed="groups:history"))
    assert "that it lacks" in str(refuse("missing_scope", needed="xoxb-123 SECRET"))


def test_unknown_refusal_is_one_of_the_message() -> None:
    """An error that nobody knows must become a dead letter, not silence the receiver."""
    for code in ("brand_new_error", "Not a code: xoxb-1", 7, None):
        error = explain(Answer(200, {}, {"ok": False, "error": code}))
        assert isinstance(error, DeliveryRejected)
        assert error.scope == "message"
        assert "xoxb" not in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, DeliveryAmbiguous),
        (200, DeliveryAmbiguous),
        (302, DeliveryRejected),
        (400, DeliveryRejected),
        (401, DeliveryRejected),
        (403, DeliveryRejected),
        (404, DeliveryRejected),
        (408, DeliveryAmbiguous),
        (413, DeliveryRejected),
        (425, DeliveryUnavailable),
        (429, DeliveryRateLimited),
        (500, DeliveryAmbiguous),
        (503, DeliveryAmbiguous),
    ],
)
def test_status_without_a_body_has_its_meaning(status: int, kind: type[DeliveryError]) -> None:
    """A page, an empty body or a list must be judged by the status alone."""
    pages: tuple[object, ...] = (None, "<html>xoxb-1</html>", [1], {})
    for body in pages:
        error = explain(Answer(status, {}, body))
        assert type(error) is kind
        assert error.code == f"http_{status}"
        with pytest.raises(kind):
            read_webhook(Answer(status, {}, body), ADDRESS)


@pytest.mark.parametrize(
    ("status", "text", "kind", "scope"),
    [
        (400, "invalid_payload", DeliveryRejected, "message"),
        (400, "no_text", DeliveryRejected, "message"),
        (400, "something_new", DeliveryRejected, "message"),
        (403, "action_prohibited", DeliveryRejected, "receiver"),
        (403, "invalid_token", DeliveryRejected, "receiver"),
        (404, "channel_not_found", DeliveryRejected, "receiver"),
        (404, "no_service", DeliveryRejected, "receiver"),
        (404, "something_new", DeliveryRejected, "receiver"),
        (410, "channel_is_archived", DeliveryRejected, "receiver"),
        (500, "rollup_error", DeliveryAmbiguous, None),
        (429, "rate_limited", DeliveryRateLimited, None),
        (200, "ratelimited", DeliveryRateLimited, None),
        (200, "thanks", DeliveryAmbiguous, None),
    ],
)
def test_webhook_answers_in_plain_text(
    status: int, text: str, kind: type[DeliveryError], scope: str | None
) -> None:
    """Each plain-text answer of a webhook must come out as its kind and scope."""
    with pytest.raises(kind) as caught:
        read_webhook(Answer(status, {}, f"{text}\n"), ADDRESS)
    assert type(caught.value) is kind
    assert getattr(caught.value, "scope", None) == scope


def test_webhook_takes_ok_for_a_receipt() -> None:
    """Only a plain "ok" with status 200 is a receipt."""
    assert read_webhook(Answer(200, {}, "ok"), ADDRESS) == Receipt()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "999999999999"}, 3_600),
        ({"retry-after": "soon"}, 30),
        ({"retry-after": "-5"}, 30),
        ({}, 30),
        ({"retry-after": "Wed, 05 Aug 2026 10:00:20 GMT", "date": "Wed, 05 Aug 2026 10:00:00 GMT"}, 20),
        ({"retry-after": "Wed, 05 Aug 2026 09:00:00 GMT", "date": "Wed, 05 Aug 2026 10:00:00 GMT"}, 1),
        ({"retry-after": "Wed, 05 Aug 2026 10:00:20 GMT"}, 30),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float) -> None:
    """Seconds and dates must be honoured within bounds, anything else replaced by the default."""
    assert read_retry_after(headers) == seconds


def test_lost_request_is_ambiguous_only_after_it_was_sent() -> None:
    """What never left cannot have been taken; what left may have been."""
    assert isinstance(lose(ADDRESS, "the time ran out", was_sent=True), DeliveryAmbiguous)
    assert isinstance(lose(ADDRESS, "the time ran out", was_sent=False), DeliveryUnavailable)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([read_post, read_webhook]),
    st.integers(100, 599),
    st.fixed_dictionaries({"retry-after": header_values, "date": header_values}),
    bodies,
)
def test_any_answer_is_a_receipt_or_a_delivery_error(
    read: Callable[[Answer, Address], Receipt], status: int, headers: dict[str, str], body: object
) -> None:
    """No answer, however wrong, may raise anything else, and every wait is bounded."""
    try:
        outcome: Receipt | DeliveryError = read(Answer(status, headers, body), ADDRESS)
    except DeliveryError as error:
        outcome = error
    assert isinstance(outcome, Receipt) or str(outcome).startswith("Receiver sales: ")
    assert not isinstance(outcome, DeliveryRateLimited) or 1 <= outcome.retry_after_seconds <= 3_600


def conclude(body: object) -> Receipt | tuple[type[DeliveryError], str]:
    """Return what a body means: the receipt, or the kind of the error with its sentence."""
    try:
        return read_post(Answer(200, {}, body), ADDRESS)
    except DeliveryError as error:
        return type(error), str(error)


@settings(max_examples=300, deadline=None)
@given(bodies, json_values)
@example({"ok": True, "channel": "C1", "ts": "1.0"}, {"text": "x"})
@example({"ok": False, "error": "missing_scope", "needed": "chat:write"}, None)
def test_what_is_left_unread_of_an_answer_changes_nothing(body: object, message: object) -> None:
    """An answer of which the message is not read must mean what the whole one means."""
    whole = {**body, "message": message} if isinstance(body, dict) else body
    assert conclude(read_posted(json.dumps(whole))) == conclude(whole)


@pytest.mark.parametrize("text", ["", "<html>", '{"ok": tru', "[1", "nul", '"\ud800'])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    """Clients expect the error of the standard library, and no other."""
    with pytest.raises(json.JSONDecodeError):
        read_posted(text)
