"""`[texts.<kind>]`: what stands there is tried before anything is read or told."""

import pytest

from tests.unit.settings.conftest import DINTERO, WEBHOOK, Load, Problems

NEEDED = DINTERO | WEBHOOK


def test_texts_stand_in_the_file_or_in_the_environment(load: Load) -> None:
    """A headline and a note must come from wherever settings come from."""
    toml = '[texts.enabled]\nheadline = "{{ merchant }} is live"'
    loaded = load(NEEDED | {"NOTIFIER_TEXTS__ENABLED__NOTE": "Cake!"}, toml=toml)
    assert loaded.texts["enabled"].headline == "{{ merchant }} is live"
    assert loaded.texts["enabled"].note == "Cake!"


def test_there_are_none_by_default(load: Load) -> None:
    """Without texts nothing must be rendered."""
    assert load(NEEDED).texts == {}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ merchant", "expected a Jinja2 template, and this one's syntax is wrong"),
        ("{{ secret }}", "expected no variables but merchant, account_id, connection, status, event, "),
        ("{% for x in merchant %}{% endfor %}", "expected no more than variables, conditions, "),
        ("{{ merchant|replace('a', 'b') }}", "expected no filters but upper, lower, "),
        ("{{ merchant - 1 }}", "expected a template that can be rendered, and this one fails"),
    ],
)
def test_a_broken_template_is_told_with_its_place(problems: Problems, template: str, expected: str) -> None:
    """What is wrong with a text must be said with its setting and its line, and not quote it."""
    toml = f'[log]\nlevel = "info"\n[texts.enabled]\nnote = "fine"\nheadline = "{template}"'
    (problem,) = problems(NEEDED, toml=toml)
    assert problem.startswith(f"texts.enabled.headline (config/notifier.toml, line 5): {expected}")
    assert template not in problem


def test_an_unknown_kind_is_told_with_those_that_there_are(problems: Problems) -> None:
    """A kind that no message has must not be taken silently."""
    (problem,) = problems(NEEDED, toml='[texts.signed]\nheadline = "x"')
    assert problem.startswith("texts.signed (config/notifier.toml, line 1): expected signature_required, ")


def test_only_headline_and_note_can_be_set(problems: Problems) -> None:
    """The rest of a message is not to be changed."""
    (problem,) = problems(NEEDED, toml='[texts.enabled]\nheadlin = "x"')
    assert problem.endswith("did you mean headline?")
