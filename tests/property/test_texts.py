"""Words of the operator's own: what a template may say, and that nothing comes alive in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from notifier.domain.compose import Dossier, House, compose
from notifier.domain.compose_card import compose_card
from notifier.domain.message import Message, Mood, Outside
from notifier.domain.stage import Stage
from notifier.receivers.plain import write_body, write_title
from notifier.receivers.slack.blocks import render
from notifier.receivers.text import measure
from notifier.settings.text_model import TextKind
from notifier.texts import VARIABLES, Text, check_template, find_kind, make_texts
from tests.fakes import NOW
from tests.property.test_outside_text import (
    assert_visible,
    assert_within_limits,
    find_alive,
    find_texts,
    outside,
)

ASKED: Final = Message(
    notification_id="ntf_1",
    topic="signature_required",
    mood=Mood.ACTION,
    headline="Signature needed",
    account_id="P12345678",
    connection=Outside("vipps"),
    is_test=False,
    merchant=Outside("Fjordbris Sport AS"),
    status=Outside("pending"),
    opened_at=NOW - timedelta(days=8, hours=1),
    expires_at=NOW + timedelta(days=2),
)


def _reword(message: Message, headline: str | None = None, note: str | None = None) -> Message:
    kind = find_kind(message)
    texts = {kind: Text(headline and check_template(headline), note and check_template(note))}
    return make_texts(texts, lambda: NOW)(message)


def test_every_variable_can_be_used() -> None:
    """A template must get each value that is promised, in a form that people read."""
    template = "|".join(f"{{{{ {name} }}}}" for name in VARIABLES)
    assert _reword(ASKED, template).headline == (
        "Fjordbris Sport AS|P12345678|vipps|pending|signature_required|False|24 Nov 2026, 12:00 UTC|8"
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Sign!", "Sign!"),
        (
            "{% if age_days > 7 %}Late: {{ merchant|upper }}{% else %}New{% endif %}",
            "Late: FJORDBRIS SPORT AS",
        ),
        ("{{ 'Test' if is_test else 'Live' }} {{ age_days + 1 }}", "Live 9"),
        ("{{ merchant ~ ', ' ~ connection }}", "Fjordbris Sport AS, vipps"),
        ("  many \n\t spaces ", "many spaces"),
        ("{# nothing #}", "Signature needed"),
        ("{% if is_test %}Test{% endif %}", "Signature needed"),
    ],
)
def test_templates_say_what_they_should(template: str, said: str) -> None:
    """Values, conditions and filters must work, and what gives no text leave the built-in words."""
    assert _reword(ASKED, template).headline == said


def test_only_what_is_set_is_replaced() -> None:
    """A note must leave the headline alone, and a headline everything but itself and the value at its end."""
    noted = _reword(ASKED, note="Ask {{ connection }}.")
    assert noted == ASKED._replace(note="Ask vipps.")
    said = _reword(ASKED._replace(headline_value=Outside("x")), "Sign")
    assert said == ASKED._replace(headline="Sign", headline_value=Outside(""))
    assert make_texts({}, lambda: NOW)(ASKED) is ASKED


FORBIDDEN: Final = (
    "{% for x in merchant %}x{% endfor %}",
    "{% macro m() %}{% endmacro %}",
    "{% set x = merchant %}",
    "{% import 'x' as y %}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with %}{% endwith %}",
    "{{ range(9) }}",
    "{{ merchant.upper() }}",
    "{{ merchant.__class__ }}",
    "{{ merchant['__class__'] }}",
    "{{ merchant[0] }}",
    "{{ merchant * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % age_days }}",
    "{{ merchant|center(1000000000) }}",
    "{{ merchant|replace('', merchant) }}",
    "{{ merchant|attr('upper') }}",
    "{{ merchant|nonsense }}",
    "{{ [merchant] }}",
    "{{ {'a': 1} }}",
    "{{ lipsum }}",
    "{{ self }}",
    "{{ unknown }}",
    "{% if is_test %}{{ unknown }}{% endif %}",
    "{{ 'x' if is_test }}",
    "{{ merchant",
    "{% if %}",
    "{% nonsense %}",
    "{{ merchant - 1 }}",
    "{{ merchant + age_days }}",
    "{{ " + "(" * 240 + "1" + ")" * 240 + " }}",
    "x" * 501,
)


@pytest.mark.parametrize("template", FORBIDDEN)
def test_what_could_loop_call_or_grow_is_refused(template: str) -> None:
    """Whatever does more than to put values into words, or cannot be rendered, must be refused beforehand."""
    with pytest.raises(ValueError, match="expected") as caught:
        check_template(template)
    assert "merchant - 1" not in str(caught.value)


def test_a_text_that_fails_leaves_the_built_in_words() -> None:
    """A template that worked when it was tried and fails later must cost a warning, not a message."""
    texts = {"signature_required": Text("{{ age_days - merchant }}", "{{ unknown }}")}
    structlog.reset_defaults()
    with capture_logs() as logs:
        assert make_texts(texts, lambda: NOW)(ASKED) == ASKED
    assert [(one["log_level"], one["text"]) for one in logs] == [
        ("warning", "signature_required.headline"),
        ("warning", "signature_required.note"),
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (ASKED, "signature_required"),
        (ASKED._replace(topic="link_replaced"), "link_replaced"),
        (ASKED._replace(topic="reminder"), "reminder"),
        (ASKED._replace(topic="enabled", mood=Mood.GOOD, status=Outside("enabled")), "enabled"),
        (ASKED._replace(topic="status_changed", mood=Mood.BAD, status=Outside("failed")), "failed"),
        (ASKED._replace(topic="status_changed", mood=Mood.NEUTRAL), "status_changed"),
        (ASKED._replace(topic="withdrawn", mood=Mood.NEUTRAL, status=Outside("enabled")), "withdrawn"),
        (ASKED._replace(topic="a_new_event"), "signature_required"),
        (ASKED._replace(topic="a_new_event", mood=Mood.NEUTRAL), ""),
        (ASKED._replace(topic="unknown_value", mood=Mood.NEUTRAL), ""),
        (ASKED._replace(topic="digest", connection=Outside("")), "digest"),
        (ASKED._replace(topic="incident_unreadable", connection=Outside("")), ""),
        (ASKED._replace(mood=Mood.GOOD), ""),
        (ASKED._replace(topic="link_replaced", mood=Mood.NEUTRAL), ""),
        (ASKED._replace(topic="reminder", stage=Stage.ENABLED), "enabled"),
        (ASKED._replace(topic="reminder", stage=Stage.ASKED, mark="Reminder"), "reminder"),
        (ASKED._replace(topic="enabled", stage=Stage.SUPERSEDED), ""),
    ],
)
def test_the_kind_goes_by_what_the_message_says(message: Message, kind: str) -> None:
    """A card's words go by its stage, and a request that was settled must not ask in the operator's words."""
    assert find_kind(message) == kind


def test_every_kind_of_the_settings_is_some_message_s() -> None:
    """A kind that no message has would be a setting that does nothing."""
    topics = (*TextKind.__args__, "status_changed")  # type: ignore[attr-defined]
    found = {find_kind(ASKED._replace(topic=topic)) for topic in topics}
    found |= {
        find_kind(ASKED._replace(topic="status_changed", status=Outside(status)))
        for status in ("enabled", "failed", "declined")
    }
    assert set(TextKind.__args__) <= found  # type: ignore[attr-defined]


def test_composed_messages_bear_what_templates_need(make_dossier: Callable[[], Dossier]) -> None:
    """Cards and single messages must know their stage and the times that templates are given."""
    dossier = make_dossier()
    card = compose_card("n", dossier, House(), NOW)
    assert card is not None
    assert card.stage == Stage.ASKED
    single = compose("n", dossier, House(), NOW)
    assert single.stage == ""
    for message in (card, single):
        assert message.opened_at == NOW - timedelta(days=1)
        assert message.expires_at == NOW + timedelta(days=13)


@pytest.fixture
def make_dossier() -> Callable[[], Dossier]:
    """Give a maker of the dossier of a request for a signature."""
    from notifier.domain.detect import Watch, detect_account
    from notifier.domain.first_run import FirstRun
    from tests.fakes import make_account, make_connection, make_request

    def make() -> Dossier:
        snapshot = make_account(make_connection("pending", make_request()))
        watch = Watch("dintero", FirstRun.ALL, False, frozenset(), frozenset())
        found = detect_account(None, snapshot, watch, NOW)
        change = next(one for one in found.changes if one.topic == "signature_required")
        return Dossier(change, snapshot.account, found.touched[0])

    return make


@dataclass(frozen=True)
class Case:
    """A message and templates that do not print themselves: hypothesis warns of long ones."""

    merchant: Outside = field(repr=False)
    status: Outside = field(repr=False)
    headline: str = field(repr=False)
    note: str = field(repr=False)


hostile = st.sampled_from(
    [
        "{{ merchant }}",
        "> {{ merchant }} {{ status|title }}",
        "{{ status }}{{ merchant }}{{ merchant|upper }}",
        "<!channel> *{{ merchant }}* https://evil.example :smile:",
        "• {{ merchant ~ status }}",
        "- {{ connection }}",
        "{{ merchant }}" * 35,
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.builds(Case, outside, outside, hostile, hostile))
@example(Case(Outside("\n> quote"), Outside(""), "{{ merchant }}", "{{ merchant }}"))
def test_no_value_comes_alive_in_a_text_of_the_settings(case: Case) -> None:
    """Whatever a merchant is called, a text with the name in it must stay inert and within Slack's limits."""
    message = _reword(ASKED._replace(merchant=case.merchant, status=case.status), case.headline, case.note)
    assert measure(message.headline) <= 300
    assert measure(message.note) <= 300
    for is_plain in (False, True):
        post = render(message, None, is_plain=is_plain)
        assert_within_limits(post)
        assert find_alive(post.text) == ""
        assert_visible(post.text)
        for kind, text in find_texts(post.blocks):
            assert_visible(text)
            assert kind in {"text", "link", "plain_text"} or find_alive(text) == ""
    assert "<" not in write_title(message) + write_body(message)
