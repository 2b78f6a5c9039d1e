"""Silences: which changes they keep back, and how their matchers are written."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.change import Change, Reason
from notifier.domain.message import Severity
from notifier.domain.silences import Matcher, Silence, find_silence, read_matcher
from tests.unit.domain.builders import KEY, LIVE, NOW, TEST

HOUR = timedelta(hours=1)
CHANGE = Change("c1", "signature_required", KEY, "case-1", "pending", NOW, Reason.NEW_EVENT, is_told=True)


def silence(*texts: str, name: str = "s1", hours: int = 1) -> Silence:
    """Return a silence from now on."""
    matchers = tuple(read_matcher(text) for text in texts)
    return Silence(name, matchers, "ann", "a migration", NOW, NOW, NOW + hours * HOUR)


@pytest.mark.parametrize(
    ("texts", "is_match"),
    [
        (("account=P12345678",), True),
        (("account=P12*|T*",), True),
        (("account!=P12345678",), False),
        (("account!=T*|P9*",), True),
        (('merchant = "Fjordbris *"',), True),
        (("merchant=Havgull",), False),
        (("connection=vipps|swish", "event=signature_required"), True),
        (("connection=vipps", "event=failed"), False),
        (("status=pending", "livemode=true", "severity=info", "case=case-?"), True),
        (("livemode=false",), False),
        (("severity!=info",), False),
    ],
)
def test_all_matchers_have_to_match(texts: tuple[str, ...], *, is_match: bool) -> None:
    """A silence must keep back exactly what every one of its matchers matches."""
    assert (find_silence([silence(*texts)], CHANGE, LIVE, NOW) is not None) is is_match


def test_a_silence_has_a_beginning_and_an_end() -> None:
    """It must hold from its first instant to before its last."""
    one = silence("account=*")
    assert find_silence([one], CHANGE, LIVE, NOW - HOUR) is None
    assert find_silence([one], CHANGE, LIVE, NOW) is one
    assert find_silence([one], CHANGE, LIVE, NOW + HOUR) is None


def test_of_several_the_one_that_ends_last_is_found() -> None:
    """What keeps a change back must be what will keep it back the longest."""
    short, long = silence("account=*"), silence("connection=vipps", name="s2", hours=5)
    assert find_silence([short, long, silence("account=X*", hours=9)], CHANGE, LIVE, NOW) is long
    assert find_silence([], CHANGE, LIVE, NOW) is None


def test_without_matchers_nothing_is_silenced() -> None:
    """A silence about nothing must not be one about everything."""
    assert find_silence([silence()], CHANGE, LIVE, NOW) is None


def test_severity_may_be_given() -> None:
    """What is told as something graver than the change itself must be matched as that."""
    one = silence("severity=error")
    assert find_silence([one], CHANGE, TEST, NOW) is None
    assert find_silence([one], CHANGE, TEST, NOW, Severity.ERROR) is one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected name=pattern"),
        ("vipps", "expected name=pattern"),
        ("connection<vipps", "expected name=pattern"),
        ("conection=vipps", "expected one of account, merchant, connection"),
        ("account=~P1.*", "=~ is not known here"),
        ("account=", "expected something on each side"),
        ("account=P1||P2", "expected something on each side"),
        ("account=P[1", "expected every [ to have its ]"),
        ("account=P\x1b[1m]", "expected printable characters"),
        ("livemode=yes", "expected true or false for livemode"),
        ("severity=grave", "expected critical, error, warning or info for severity"),
    ],
)
def test_a_matcher_that_cannot_be_read_says_what_was_expected(text: str, words: str) -> None:
    """A wrong matcher must be refused with what would have been right."""
    with pytest.raises(ValueError, match="expected") as caught:
        read_matcher(text)
    assert words in str(caught.value)


words = st.text(
    st.characters(exclude_characters='|[]"~', exclude_categories=["C", "Z"]), min_size=1, max_size=9
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["account", "merchant", "case"]), st.lists(words, min_size=1, unique=True), st.booleans()
)
def test_what_is_written_is_read_again(name: str, patterns: list[str], is_negative: bool) -> None:
    """A matcher as text must come back as itself: that is how it is kept."""
    matcher = Matcher(name, tuple(patterns), is_negative)
    assert read_matcher(str(matcher)) == matcher
