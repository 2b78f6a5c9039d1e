"""Each kind of message that the notifier makes, compared with `tests/samples/cards/*.json`.

After a change that is meant, write them anew with `UPDATE_SAMPLES=1 pytest tests/unit/receivers` and read the
difference; `make picture` draws them.
"""

import json
import os
from pathlib import Path

import pytest

from notifier.domain.delivery import Form
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.mention import read_mention
from notifier.sandbox.limits import errors_in
from tests.gallery import Exhibit, list_exhibits

SAMPLES = Path(__file__).parents[2] / "samples" / "cards"
EXHIBITS = {one.name: one for one in list_exhibits()}


@pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=EXHIBITS)
def test_each_kind_is_posted_as_its_sample(exhibit: Exhibit) -> None:
    """A message of each kind must look as its recorded sample, and Slack must take it."""
    post = render(exhibit.message, read_mention("S024BE7LH"))
    drawn = json.dumps(
        {"text": post.text, "blocks": post.blocks, "metadata": post.metadata}, ensure_ascii=False, indent=2
    )
    sample = SAMPLES / f"{exhibit.name}.json"
    if os.environ.get("UPDATE_SAMPLES"):
        sample.parent.mkdir(exist_ok=True)
        sample.write_text(f"{drawn}\n", encoding="utf-8")
    assert f"{drawn}\n" == sample.read_text(encoding="utf-8")
    assert errors_in(list(post.blocks)) == []


def test_no_sample_is_left_over() -> None:
    """No sample may stay behind when its message has gone."""
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(EXHIBITS)


def test_the_link_stands_on_cards_alone() -> None:
    """No reply, no digest, no fallback text and no metadata may hold a signature link."""
    for exhibit in EXHIBITS.values():
        post = render(exhibit.message)
        assert "sign.vipps.example" not in post.text + json.dumps(post.metadata), exhibit.name
        if exhibit.form is Form.REPLY:
            assert "sign.vipps.example" not in json.dumps(post.blocks), exhibit.name


def test_the_link_is_there_only_while_somebody_can_sign() -> None:
    """Of all cards, only those of a signup that waits, or may wait, may offer the link."""
    offering = {
        name for name, one in EXHIBITS.items() if "sign.vipps" in json.dumps(render(one.message).blocks)
    }
    assert offering == {"card_asked", "card_reminded", "card_unknown_status"}
