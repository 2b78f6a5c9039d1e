"""Targets: whatever PagerDuty or a webhook's owner may answer, and wrong signing secrets."""

import json
from http import HTTPStatus
from typing import Final

from hypothesis import strategies as st

from notifier.errors import ConfigError, DeliveryError
from notifier.receivers.answers import Answer, Peer, explain
from notifier.receivers.pagerduty.events import RETRY_SECONDS, read
from notifier.receivers.webhook.signature import MAX_KEY_BYTES, MIN_KEY_BYTES, read_keys
from tests.fuzz.dintero_answers import VALUE
from tests.fuzz.exploring import Target
from tests.fuzz.mutation import Batch, batch
from tests.fuzz.slack_answers import SECRET, Given, check_error, heads, read_body, statuses, unfold

PEER: Final = Peer("duty", "PagerDuty", "NOTIFIER_RECEIVERS__DUTY__ROUTING_KEY", RETRY_SECONDS)
WHOLE: Final = tuple(
    json.dumps(one).encode()
    for one in (
        {"status": "success", "message": "Event processed", "dedup_key": "case_1"},
        {"status": "invalid event", "message": "Event object is invalid", "errors": ["'summary' is bad"]},
        {"status": "invalid event", "errors": [f"Length of 'routing_key' is incorrect: {SECRET}"]},
    )
)
SIGNING: Final = b"whsec_" + b"QUJD" * 8


def take_pagerduty(given: Given) -> str:
    """Read an answer of PagerDuty's: nothing but 202 is a receipt."""
    answer = Answer(given[0], given[1], read_body(given[2]))
    try:
        read(answer, PEER)
    except DeliveryError as error:
        return check_error(error)
    assert given[0] == HTTPStatus.ACCEPTED
    return VALUE


def take_any(given: Given) -> str:
    """Explain an answer that is no receipt: it is always one of the errors."""
    return check_error(explain(Answer(given[0], given[1]), PEER))


def take_secret(text: bytes) -> str:
    """Read signing secrets: keys of the right length, or a sentence without them."""
    said = ""
    try:
        keys = read_keys(text.decode("utf-8", "replace"))
    except ConfigError as error:
        said = str(error)
    if said:
        assert "QUJD" not in said
        return "refused"
    assert keys
    assert all(MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES for key in keys)
    return VALUE


def near(*whole: bytes) -> st.SearchStrategy[Batch]:
    """Draw batches on some texts as often as on anything else."""
    valid = st.sampled_from(whole)
    return batch(st.booleans().flatmap(lambda is_near: valid if is_near else st.binary(max_size=40)), whole)


codes = st.sampled_from([202, 400, 400, 400, 429, 503]) | statuses
TARGETS: Final = (
    Target("pagerduty", 8, st.tuples(codes, heads, near(*WHOLE)), take_pagerduty, unfold),
    Target("any receiver", 4, st.tuples(codes, heads, near(*WHOLE)), take_any, unfold),
    Target("signing secrets", 4, near(SIGNING, SIGNING + b"," + SIGNING), take_secret),
)
