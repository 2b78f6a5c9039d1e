"""Names that are the same in every process, for ever."""

import subprocess
import sys
from dataclasses import replace

import pytest

from notifier.domain.identity import digest_event, digest_link, name_case, name_event, name_of
from notifier.domain.model import ConnectionKey, Event, SignatureLink
from tests.unit.domain.builders import KEY, LINK, make_event, make_request

EVENT = make_event("e1", "failed", "failed", at=0)


def test_names_never_change() -> None:
    """What is stored under a name must be found under it by every later version."""
    assert name_of("a", None, "") == "452c2aaa4e84fef99e7928a9"
    assert name_event(KEY, EVENT) == "699ed2ad0faaef54f16af9fa"
    assert digest_event(EVENT) == "e307e67583014d8adf45522f"
    assert digest_link(SignatureLink(LINK)) == "84fc407b24a437c92094353a"
    assert name_case(KEY, "S1", 1) == "29724930bd1045c9"
    assert name_case(KEY, None, 1) == "d57266c449597cdf"


def test_names_do_not_depend_on_the_process() -> None:
    """Another process, with another hash seed, must give the same name."""
    code = "from notifier.domain.identity import name_of; print(name_of('a', None, ''))"
    environ = {"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True)
    assert answer.stdout.decode().strip() == name_of("a", None, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", None), ("a", "")), (("a", "b"), ("ab",)), (("a", "b"), ("b", "a")), (("",), ("", ""))],
)
def test_other_parts_give_another_name(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    """None, "" and the place of a part must each make a difference."""
    assert name_of(*one) != name_of(*other)


def test_half_a_surrogate_pair_has_a_name() -> None:
    """Text that no encoding can hold must not stop detection."""
    assert name_of("\ud800") != name_of("\udfff")


@pytest.mark.parametrize(
    "other",
    [
        replace(EVENT, status="declined"),
        replace(EVENT, name=""),
        replace(EVENT, created_at=None),
        make_event("e1", "failed", "failed", at=1),
    ],
)
def test_digest_is_made_of_name_status_and_created_at(other: Event) -> None:
    """Each of the three must make a difference to the digest."""
    assert digest_event(other) != digest_event(EVENT)


@pytest.mark.parametrize(
    "other",
    [replace(EVENT, event_id=None), replace(EVENT, description="x"), make_event("e1", "failed", "failed")],
)
def test_digest_is_made_of_nothing_else(other: Event) -> None:
    """Neither the id nor the description nor the link may make a difference to the digest."""
    assert digest_event(replace(other, link=SignatureLink(LINK))) == digest_event(EVENT)


def test_event_is_named_by_account_connection_and_id() -> None:
    """The same id elsewhere must be another event; with an id, nothing else may count."""
    request = make_request("e1", at=5)
    assert name_event(KEY, EVENT) == name_event(KEY, request)
    elsewhere = {ConnectionKey("P87654321", "vipps"), ConnectionKey("P12345678", "swish"), KEY}
    assert len({name_event(key, EVENT) for key in elsewhere}) == 3


def test_event_without_an_id_is_named_by_its_digest() -> None:
    """An event without an id must have a name that differs from one whose id is its digest."""
    anonymous = replace(EVENT, event_id=None)
    assert name_event(KEY, anonymous) == name_event(KEY, anonymous)
    assert name_event(KEY, anonymous) != name_event(KEY, replace(EVENT, event_id=digest_event(EVENT)))


def test_case_is_named_by_its_signup_or_its_number() -> None:
    """A signup's id must decide alone; without one, the number does."""
    assert name_case(KEY, "S1", 1) == name_case(KEY, "S1", 9)
    assert len({name_case(KEY, None, 1), name_case(KEY, None, 2), name_case(KEY, "1", 1)}) == 3


def test_no_link_has_no_digest() -> None:
    """A missing link must be told apart from every link."""
    assert digest_link(None) == ""
    assert digest_link(SignatureLink("")) != ""
