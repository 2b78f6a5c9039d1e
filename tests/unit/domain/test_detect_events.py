"""Detect: which events are new. The first words of a test are the issue's sentence."""

from dataclasses import replace

import pytest

from notifier.domain.change import Reason
from notifier.domain.identity import name_of
from notifier.domain.model import ConnectionKey, Event
from tests.unit.domain.builders import LINK, Played, make_event, make_request, play, reasons, show

OTHER_LINK = "https://sign.vipps.example/s/2"
APPLIED = make_event("e1", "pending", at=0)
ASKED = make_request("e2", at=1)
FAILED = make_event("e3", "failed", "failed", at=2)
ALL = (APPLIED, ASKED, FAILED)
TOLD = [("applied", "pending"), ("signature_required", "pending"), ("failed", "failed")]


def strip(*events: Event) -> tuple[Event, ...]:
    """Return the events as they are where Dintero gives no ids."""
    return tuple(replace(event, event_id=None) for event in events)


def test_event_is_known_by_account_connection_and_event_id() -> None:
    """Nothing but the id may make an event another one: not its text, its date or its status."""
    edited = replace(ASKED, description="edited", status="odd", created_at=None)
    played = play(show("pending", APPLIED, ASKED), show("pending", APPLIED, edited))
    assert played.steps[1] == ()


def test_same_id_in_another_connection_is_another_event() -> None:
    """An id must mean nothing outside its connection."""
    here = play(show("pending", ASKED))
    there = play(show("pending", ASKED, key=ConnectionKey("P12345678", "swish")))
    assert here.steps[0][0].change_id != there.steps[0][0].change_id


def test_without_an_id_it_is_known_by_a_digest_of_event_status_and_created_at() -> None:
    """An event without an id must be told once, and one that differs in one of the three is another."""
    events = strip(
        make_event(None, "pending", "step", at=0),
        make_event(None, "pending", "step", at=1),
        make_event(None, "odd", "step", at=0),
        make_event(None, "pending", "other", at=0),
    )
    played = play(show("pending", *events), show("pending", *events), show("pending", events[0]))
    assert [len(step) for step in played.steps] == [5, 0, 0]


def test_digest_is_kept_as_an_alias_so_that_an_id_that_appears_later_is_no_new_event() -> None:
    """An id that Dintero gives later must not make an event new, nor change its own key."""
    played = play(show("failed", *strip(*ALL)), show("failed", *ALL), show("failed", *ALL))
    assert played.steps[1:] == ((), ())
    assert [event.event_id for event in played.state.events] == ["e1", "e2", "e3"]
    assert played.state.events[1].event_key == played.steps[0][1].event_key


def test_id_that_vanishes_is_no_new_event() -> None:
    """An event that loses its id must stay the one it was, and take its id up again."""
    played = play(show("failed", *ALL), show("failed", *strip(*ALL)), show("failed", *ALL))
    assert played.steps[1:] == ((), ())


@pytest.mark.parametrize(
    "later",
    [
        pytest.param((FAILED, APPLIED, ASKED), id="re-ordered"),
        pytest.param((*ALL, *ALL, ASKED), id="repeated"),
        pytest.param((FAILED,), id="truncated at the front"),
        pytest.param((APPLIED,), id="truncated at the end"),
        pytest.param((), id="empty"),
    ],
)
def test_reordered_repeated_or_truncated_lists_never_produce_a_duplicate(later: tuple[Event, ...]) -> None:
    """What was told must not be told again, however the list is shown now and afterwards."""
    played = play(show("failed", *ALL), show("failed", *later), show("failed", *ALL))
    assert played.told == TOLD
    assert played.steps[1:] == ((), ())


def test_grown_lists_lose_no_event() -> None:
    """What grows anywhere in a list, even before what is known, must be told, oldest first."""
    first = make_event("e0", "pending", "step", at=-1)
    between = make_event("e1b", "pending", "step", at=0.5)
    played = play(show("failed", *ALL), show("failed", between, *ALL, first))
    assert [change.at for change in played.steps[1]] == [first.created_at, between.created_at]
    assert reasons(played.steps[1]) == [Reason.NEW_EVENT, Reason.NEW_EVENT]


def test_list_repeated_at_first_sight_is_told_once() -> None:
    """A list that holds everything twice must be told as if it held it once."""
    assert play(show("failed", *ALL, *ALL)).told == play(show("failed", *ALL)).told == TOLD


def test_events_of_the_same_second_are_all_told() -> None:
    """Events with different ids must be different, even if all else is the same."""
    twins = [make_event(one, "pending", "step", at=0) for one in ("a", "b", "c")]
    played = play(show("pending", *twins), show("pending", *reversed(twins)))
    assert played.told == [("step", "pending")] * 3
    assert played.steps[1] == ()


def test_events_of_the_same_second_stay_apart_when_their_ids_vanish() -> None:
    """Twins that lose their ids must neither be new nor seem to have got each other's link."""
    twins = make_request("a", 0, LINK), make_request("b", 0, OTHER_LINK)
    one, other = strip(*twins)
    played = play(
        show("pending", *twins), *(show("pending", *some) for some in ([other, one], [other], [one]))
    )
    assert played.steps[1:] == ((), (), ())


def test_same_event_with_another_link_is_a_change_of_the_link_not_a_new_event() -> None:
    """Each other link must be told as such, each time with an identity of its own, and never as an event."""
    links = [None, LINK, OTHER_LINK, LINK, None, LINK]
    played = play(*(show("pending", make_request("e2", link=link)) for link in links))
    assert [[change.topic for change in step if change.is_told] for step in played.steps] == [
        ["signature_required"],
        ["link_replaced"],
        ["link_replaced"],
        ["link_replaced"],
        [],
        [],
    ]
    assert [change.detail for step in played.steps[1:4] for change in step] == ["added", "", ""]
    assert len({change.change_id for change in played.changes}) == len(played.changes)


def test_link_that_is_missing_for_once_is_kept() -> None:
    """A link that an answer leaves out must not be forgotten."""
    played = play(show("pending", ASKED), show("pending", replace(ASKED, link=None)))
    assert played.state.events[0].link == ASKED.link


@pytest.mark.parametrize("event_id", ["e2", None])
def test_event_shown_with_two_links_at_once_is_no_flood(event_id: str | None) -> None:
    """An event that stands in a list twice, with two links, must not be told at each poll."""
    one, other = make_request(event_id, 0, LINK), make_request(event_id, 0, OTHER_LINK)
    played = play(show("pending", one, other), show("pending", one, other), show("pending", other, one))
    assert [topic for topic, _ in played.told] == ["signature_required", "link_replaced"]
    assert played.steps[1:] == ((), ())
    assert play(show("pending", one), show("pending", one, other)).steps[1] == ()


@pytest.mark.parametrize("status", ["enabled", "failed", "declined"])
def test_other_link_in_a_terminal_status_is_only_recorded(status: str) -> None:
    """A link that nobody can use must be recorded silently."""
    played = play(show(status, ASKED), show(status, make_request("e2", at=1, link=OTHER_LINK)))
    assert played.told_last == []
    assert reasons(played.steps[1]) == [Reason.LINK_OF_NO_USE]


def test_event_with_a_link_but_no_name_asks_for_a_signature() -> None:
    """A link must be told as a request even where the event has no name for it."""
    assert play(show("pending", make_event("e1", "pending", link=LINK))).told == [
        ("signature_required", "pending")
    ]


@pytest.mark.parametrize("word", ["applied", "withdrawn", "unwatched", "unknown_value", "link_replaced"])
def test_event_that_bears_one_of_our_words_is_not_mistaken_for_it(word: str) -> None:
    """An event of Dintero's called like a topic must be told, and not as what we mean by the word."""
    played = play(show("pending", ASKED), show("pending", ASKED, make_event("e9", "pending", word, at=5)))
    assert played.told_last == [("status_changed", "pending")]


def test_events_without_a_date_are_told_once_and_last() -> None:
    """An event without a date must be told after those that have one, and only once."""
    undated = make_event("e9", "pending", "step", at=None)
    played = play(show("pending", undated, ASKED), show("pending", ASKED, undated))
    assert played.told == [("signature_required", "pending"), ("step", "pending")]
    assert played.steps[1] == ()


def test_change_ids_are_made_from_what_changed() -> None:
    """The id of an event's change must follow from the event's key alone."""
    change = play(show("pending", ASKED)).steps[0][0]
    assert change.change_id == name_of("event", change.event_key)


def test_repeated_poll_gives_the_same_changes() -> None:
    """A poll that was cut short before its commit must find the same, under the same ids, when repeated."""
    snapshots = [show("pending", APPLIED), show("pending", APPLIED, ASKED), show("failed", *ALL)]
    once, again = play(*snapshots), play(*snapshots)
    assert isinstance(once, Played)
    assert once == again


def test_thousands_of_events_are_matched_in_proportion_to_their_number() -> None:
    """A long list must be matched without comparing each event with each other one."""
    many = [make_event(f"e{number}", "pending", "", at=number) for number in range(1_500)]
    played = play(show("pending", *many), show("pending", *reversed(many)))
    assert len(played.steps[0]) == len(many) + 1
    assert played.steps[1] == ()
