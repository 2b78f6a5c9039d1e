"""Targets: any message, and what becomes of any two answers of Dintero's on their way to Slack."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st

from notifier.dintero.wire.accounts import decode_account, decode_page, read_element
from notifier.domain.compose import Dossier, House, compose
from notifier.domain.detect import Detection, Watch, detect_account, unwatch, withdraw
from notifier.domain.first_run import FirstRun
from notifier.domain.message import Message, Outside, RefusedLink
from notifier.domain.model import AccountSnapshot
from notifier.errors import SourceMalformed
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.mention import read_mention
from notifier.sandbox.limits import MAX_TEXT_IN_BLOCKS, text_length
from tests.fuzz.dintero_answers import ALL, NOW, SAMPLES, VALUE
from tests.fuzz.exploring import Target
from tests.fuzz.mutation import Batch, batch, repeatable
from tests.property.test_outside_text import (
    NASTY,
    Case,
    assert_machines_take,
    assert_plain_text_is_dead,
    assert_visible,
    assert_within_limits,
    find_alive,
    find_texts,
    messages,
)
from tests.unit.dintero.samples import PLACE

MENTION: Final = read_mention("S024BE7LH")
HOUSE: Final = House(("sign.example", "*.example.com"), "https://sign.example")
MOST_MESSAGES: Final = 2
"""So many changes of one answer are written: the others are of the same making."""

_OUR_LINK: Final = re.compile(r"<https://[a-z0-9.-]+\.example\.com(?::[0-9]*)?[/?#]?[^<>| ]*\|[^<>|]*>")


def check_message(message: Message) -> str:
    """Check that every receiver takes a message, and that nothing from outside comes alive in it."""
    for is_plain in (False, True):
        post = render(message, MENTION, is_plain=is_plain)
        assert_within_limits(post)
        assert post.text or not message.headline, "Slack refuses a post without text"
        assert text_length(list(post.blocks)) <= MAX_TEXT_IN_BLOCKS
        json.dumps([post.blocks, post.metadata, post.text], ensure_ascii=False).encode()
        for kind, text in [("mrkdwn", post.text), *find_texts(post.blocks)]:
            assert_visible("".join(set(text)))
            alive = find_alive(_OUR_LINK.sub("", text)) if kind not in {"text", "link", "plain_text"} else ""
            assert not alive, f"{alive!r} is alive in {text!r}"
    assert_machines_take(message)
    assert_plain_text_is_dead(message)
    return VALUE


def take_message(case: Case) -> str:
    """Write one message."""
    return check_message(case.message)


def unfold_messages(example: tuple[Case, list[int]]) -> Iterator[Case]:
    """Give a message, and others of the same form in which a seed has put other texts from outside."""
    case, seeds = example
    message = case.message._replace(headline=case.message.headline or "Dintero reports:")
    yield Case(message)
    for number in seeds:
        yield Case(_scramble(message, repeatable(number)))


def _scramble(message: Message, chance: random.Random) -> Message:
    def text() -> Outside:
        pieces = chance.choices(NASTY, k=chance.choice((0, 1, 2, 6)))
        pieces += ["".join(map(chr, chance.choices(range(0x3000), k=4)))] if chance.random() < 0.2 else []
        return Outside("".join(pieces) * (200 if chance.random() < 0.04 else 1))

    action = message.action
    if isinstance(action, RefusedLink):
        action = replace(action, text=text())
    elif action is not None:
        action = replace(action, url=f"https://sign.example/{text()}")
    facts = tuple(replace(one, value=text()) for one in message.facts)
    return message._replace(
        action=action,
        facts=facts,
        headline_value=text(),
        connection=text(),
        merchant=text(),
        event_id=text(),
    )


def take_answers(bodies: tuple[bytes, bytes]) -> str:
    """Detect what two answers mean one after the other, and write what is to be told of it."""
    told = 0
    known: Detection | None = None
    for step, snapshot in enumerate(one for body in bodies for one in _read(body)):
        now = NOW + step * timedelta(days=8)
        if known is not None and known.account.account.account_id != snapshot.account.account_id:
            known = None
        watch = Watch("dintero", FirstRun.ALL)
        found = detect_account(known.account if known else None, snapshot, watch, now)
        again = detect_account(found.account, snapshot, watch, now)
        assert not [change for change in again.changes if change.is_told], "the same answer tells twice"
        told += _write(found)
        known = found
    if known is not None:
        told += _end(known)
    return f"{'messages' if told else 'nothing told'}"


def _read(body: bytes) -> Iterator[AccountSnapshot]:
    try:
        yield decode_account(body, "P12345678", frozenset(), PLACE)
    except SourceMalformed:
        try:
            elements = decode_page(body, PLACE).elements
        except SourceMalformed:
            return
        snapshots = (read_element(one, frozenset()) for one in elements[:3])
        yield from (one for one in snapshots if one.account.account_id)


def _write(found: Detection) -> int:
    changes = [change for change in found.changes if change.is_told][:MOST_MESSAGES]
    for change in changes:
        state = found.account.connections[change.key.name]
        dossier = Dossier(change, found.account.account, state)
        check_message(compose("ntf_1", dossier, HOUSE, NOW + timedelta(days=400 * (state.transitions % 2))))
    return len(changes)


def _end(known: Detection) -> int:
    """Write what is told when a connection is gone, and when nobody watches it any more."""
    told = 0
    for state in list(known.account.connections.values())[:2]:
        for after, changes in (withdraw(state, NOW), unwatch(state, NOW)):
            for change in changes:
                check_message(compose("ntf_1", Dossier(change, known.account.account, after), HOUSE, NOW))
                told += 1
    return told


def unfold_answers(example: tuple[Batch, Batch]) -> Iterator[tuple[bytes, bytes]]:
    """Give the answers of two batches in pairs."""
    first, second = (one.unfold() for one in example)
    for place, body in enumerate(first):
        yield body, second[place % len(second)]


numbers = st.lists(st.integers(0, 2**32 - 1), max_size=30)
accounts = st.sampled_from([SAMPLES["account"], SAMPLES["account"], SAMPLES["page"]])

TARGETS: Final = (
    Target("message", 4, st.tuples(st.builds(Case, messages), numbers), take_message, unfold_messages),
    Target(
        "answers to messages",
        4,
        st.tuples(batch(accounts, ALL), batch(accounts, ALL)),
        take_answers,
        unfold_answers,
    ),
)
