"""Links that strangers wrote, routes that operators wrote, and waits: none of them may surprise."""

from datetime import timedelta
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.change import Change, Reason
from notifier.domain.delivery import Claim, Notification
from notifier.domain.link import MAX_URL_CHARS, assess_link
from notifier.domain.message import Link, RefusedLink
from notifier.domain.model import SignatureLink
from notifier.domain.plan import Directory, Guide, Outcome, plan
from notifier.domain.retry import GiveUp, RetryPolicy, judge
from notifier.domain.routes import Route
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)
from tests.property.dintero_strategies import examine
from tests.unit.domain.builders import KEY, LIVE, NOW

PIECES = st.sampled_from(
    ["https://", "HTTPS://", "sign.example", "@", "\\", "/", "?", "#", ":", "443", "[", "]", "%2f", "|", ">",
     "<", '"', "`", " ", "\n", "\u202e", "\ud800", "æ", "℀", "..", "xn--a", "javascript:", "x" * 900]
)  # fmt: skip
URLS = st.builds(
    lambda start, rest: start + "".join(rest),
    st.sampled_from(["https://", "https://sign.example", "https://sign.example/", ""]),
    st.lists(PIECES | st.characters(), max_size=9),
)


@examine(80)
@given(URLS, st.sampled_from([(), ("sign.example",), ("*.example",)]))
def test_link_that_may_be_clicked_is_what_it_seems(url: str, hosts: tuple[str, ...]) -> None:
    """Any text must be judged, and what passes must be a short plain address of an allowed https host."""
    found = assess_link(SignatureLink(url), "Open", hosts)
    if isinstance(found, RefusedLink):
        assert found.text == url
        assert found.reason
        return
    parts = urlsplit(found.url)
    assert parts.scheme == "https"
    assert parts.hostname
    assert parts.username is None
    assert not hosts or parts.hostname.endswith("example")
    assert len(found.url) <= MAX_URL_CHARS
    assert found.url.isascii()
    assert not set(found.url) & set(' <>|"`\\{}^')


@examine(80)
@given(URLS)
def test_judging_a_link_twice_is_the_same(url: str) -> None:
    """A link that passed must pass again, unchanged: nothing is encoded twice."""
    found = assess_link(SignatureLink(url), "Open")
    if isinstance(found, Link):
        assert assess_link(SignatureLink(found.url), "Open") == found


NAMES = ("a", "b", "c", "d")
ROUTES = st.lists(
    st.builds(
        Route,
        receivers=st.lists(st.sampled_from(NAMES), max_size=4).map(tuple),
        events=st.sampled_from([(), ("x",), ("y", "z*"), ("*",)]),
        continues=st.booleans(),
    ),
    max_size=5,
).map(tuple)
DIRECTORIES = st.builds(
    Directory,
    destinations=st.fixed_dictionaries({name: st.sampled_from(["C1", "C2", "C3"]) for name in NAMES}),
    aliases=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


@examine(80)
@given(ROUTES, DIRECTORIES, st.sampled_from(["x", "y", "zz"]))
def test_destination_is_never_told_twice(routes: tuple[Route, ...], directory: Directory, topic: str) -> None:
    """Whatever the routes and aliases, a destination must get one notification at the most."""
    change = Change("c1", topic, KEY, "case", "pending", NOW, Reason.NEW_EVENT, is_told=True)
    (planned,) = plan([change], LIVE, Guide(routes, directory))
    destinations = [one.destination for one in planned.notifications]
    ids = {one.notification_id for one in planned.notifications}
    assert len(destinations) == len(set(destinations)) == len(ids)
    assert (planned.outcome is Outcome.PLANNED) == bool(destinations)


ERRORS = st.one_of(
    st.builds(DeliveryUnavailable, st.just("x")),
    st.builds(DeliveryAmbiguous, st.just("x")),
    st.builds(DeliveryRateLimited, st.just("x"), retry_after_seconds=st.floats(0, 1e9)),
    st.builds(DeliveryRejected, st.just("x"), scope=st.sampled_from(["message", "receiver"])),
)


@examine(80)
@given(
    ERRORS,
    st.integers(1, 10**6),
    st.integers(0, 10**6),
    st.integers(-(10**6), 10**6),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_verdict_is_bounded_and_costs_no_message_without_its_fault(
    error: DeliveryError, attempt: int, holds: int, age: int, jitter: float, is_plain: bool
) -> None:
    """Any failure must be tried again within bounds, unless the message itself is at fault."""
    claim = Claim(Notification("n", "c", "k", "r", "d", "t"), attempt, NOW, is_plain=is_plain)
    policy = RetryPolicy()
    now = NOW + timedelta(minutes=age)
    verdict = judge(error, claim, policy, holds, now, jitter)
    if isinstance(verdict, GiveUp):
        is_refused = isinstance(error, DeliveryRejected) and error.scope == "message" and is_plain
        assert is_refused or (isinstance(error, DeliveryAmbiguous) and now - NOW > policy.give_up_after)
        return
    assert 0 <= (verdict.at - now).total_seconds() <= policy.longest_seconds
    assert verdict.is_plain or not is_plain
    assert verdict.is_repeat == isinstance(error, DeliveryAmbiguous)
