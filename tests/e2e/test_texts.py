"""Words of the operator's own, from the settings to the channel."""

from tests.e2e.conftest import LIVE, Stage

TEXTS = """
[texts.signature_required]
headline = "{{ merchant }}: sign for {{ connection }}"
note = "Open since {{ age_days }} days."

[texts.enabled]
headline = "{{ merchant }} is live on {{ connection }}"
"""


async def test_texts_of_the_settings_reach_the_channel(stage: Stage) -> None:
    """Card, update and reply must bear the operator's words, and a name with markup in it do nothing."""
    stage.dintero.add_account(LIVE, business_name="Evil <!channel> *AS*")
    stage.ask()
    stage.configure(TEXTS)
    first = await stage.run("run", "--once")
    assert first.code == 0, first.err
    (card,) = stage.slack.messages("sales")
    assert card.text.startswith("Evil &lt;!channel&gt; ∗AS∗:")
    assert "Open since 0 days." in card.shown_text
    stage.dintero.set_status(LIVE, "vipps", "enabled")
    await stage.run("run", "--once")
    card, reply = stage.slack.messages("sales")
    for message in (card, reply):
        assert message.text.splitlines()[0].endswith("is live on vipps")
        assert "<!channel>" not in message.text


async def test_a_broken_text_ends_check_and_run_with_its_place(stage: Stage) -> None:
    """Whoever starts or checks must be told which text is broken, before anything is read or told."""
    stage.ask()
    stage.configure('[texts.declined]\nnote = "{% for x in merchant %}{{ x }}{% endfor %}"')
    for command in (("check", "--offline"), ("run", "--once")):
        told = await stage.run(*command)
        assert told.code == 78
        assert "texts.declined.note (config/notifier.toml, line 2): expected no more than" in told.err
    assert stage.say() == []
