"""What is remembered of targets is small, and goes from one worker to another as bytes."""

import msgspec
import pytest

from notifier.domain.model import ConnectionKey
from notifier.domain.watch import (
    DIGEST_BYTES,
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Target,
)
from notifier.service.memory import Memory
from tests.fakes import ACCOUNT, VIPPS, FakeSource, make_account, make_connection, make_request
from tests.service.conftest import MakeService

SINGLE = ConnectionTarget("dintero", VIPPS)
WHOLE = AccountTarget("dintero", ACCOUNT)
PARTNER = PartnerTarget("dintero", "P11200000")
TARGETS: tuple[Target, ...] = (SINGLE, WHOLE, PARTNER)
DIGEST = bytes(range(DIGEST_BYTES))


def make_full() -> Memory:
    """Return a memory with something of everything."""
    memory = Memory()
    memory.note_seen(SINGLE, Fingerprint(DIGEST, '"an etag"'), is_pending=True)
    memory.note_seen(WHOLE, Fingerprint(DIGEST), is_pending=False, problems=("swish is odd",))
    walked = memory.find_walked(PARTNER)
    walked.digests = {"P10000001": DIGEST, "P10000002": DIGEST}
    walked.pending = {"P10000001"}
    walked.missing = {"P10000003"}
    walked.note_partial("P10000002", ("klarna is odd",))
    return memory


@pytest.mark.parametrize("etag", [None, '"abc"', 'W/"0"'])
def test_what_was_seen_is_recognised(etag: str | None) -> None:
    """A fingerprint must come back as it was given, with its ETag or without one."""
    memory = Memory()
    memory.note_seen(SINGLE, Fingerprint(DIGEST, etag), is_pending=False)
    assert memory.find_seen(SINGLE) == Fingerprint(DIGEST, etag)
    assert memory.is_pending(SINGLE) is False


def test_what_was_never_read_is_nothing_yet() -> None:
    """Nobody may take a target that was not read for one that nobody waits for."""
    memory = Memory()
    assert [memory.is_pending(target) for target in TARGETS] == [None, None, None]
    assert memory.find_seen(WHOLE) is None
    assert not memory.is_absent(SINGLE)


def test_what_is_missing_was_not_seen() -> None:
    """A connection that is not there any more must be read in full when it comes back."""
    memory = make_full()
    memory.note_missing(SINGLE, is_absent=True)
    assert (memory.find_seen(SINGLE), memory.is_absent(SINGLE)) == (None, True)
    assert memory.is_pending(SINGLE) is False


def test_it_goes_over_as_bytes() -> None:
    """Another worker must know all that the first one knew of its targets, and nothing of others."""
    first, second = make_full(), Memory()
    assert second.restore(TARGETS, first.export(TARGETS))
    assert second.export(TARGETS) == first.export(TARGETS)
    assert second.find_seen(SINGLE) == Fingerprint(DIGEST, '"an etag"')
    assert second.find_problems(WHOLE) == ("swish is odd",)
    assert second.find_walked(PARTNER).pending == {"P10000001"}
    assert second.find_walked(PARTNER).missing == {"P10000003"}
    third = Memory()
    assert third.restore(TARGETS, first.export([SINGLE]))
    assert [third.is_pending(target) for target in TARGETS] == [True, None, None]


def test_other_settings_take_nothing_over() -> None:
    """What was unchanged for fewer connections may hold news for more: it must be read in full."""
    vipps = AccountTarget("dintero", ACCOUNT, frozenset({"vipps"}))
    both = AccountTarget("dintero", ACCOUNT, frozenset({"vipps", "swish"}))
    first, second = Memory(), Memory()
    first.note_seen(vipps, Fingerprint(DIGEST), is_pending=False)
    assert second.restore([both], first.export([vipps]))
    assert second.find_seen(both) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        msgspec.msgpack.encode([99, {}, {}, {}]),
        msgspec.msgpack.encode([1, {b"x": b""}, {}, {}]),
        msgspec.msgpack.encode([1, {b"x": b"\x04short"}, {}, {}]),
        msgspec.msgpack.encode([1, {b"x": b"\x04" + b"d" * DIGEST_BYTES + b"\xff"}, {}, {}]),
        msgspec.msgpack.encode([1, {}, {}, {b"x": "no walk"}]),
    ],
)
def test_what_is_no_memory_changes_nothing(data: bytes) -> None:
    """Bytes of another version, or damaged ones, must cost a read in full and nothing else."""
    memory = make_full()
    before = memory.export(TARGETS)
    assert not memory.restore(TARGETS, data)
    assert memory.export(TARGETS) == before


def test_a_hundred_bytes_for_each_connection() -> None:
    """A mark with an ETag of common length must stay within what many connections may take."""
    memory = Memory()
    etag = '"' + "0" * 32 + '"'
    targets = [ConnectionTarget("dintero", ConnectionKey(f"P{number:08}", "vipps")) for number in range(100)]
    for target in targets:
        memory.note_seen(target, Fingerprint(DIGEST, etag), is_pending=False)
    assert len(memory.export(targets)) / len(targets) <= 100


async def test_another_poller_goes_on_where_one_left_off(make_service: MakeService) -> None:
    """A poller with the memory of another must not decode, compare or keep again what that one has seen."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    first = make_service(source)
    await first.start(WHOLE, PARTNER)
    await first.poll(WHOLE, PARTNER)
    second = make_service(source)
    assert second.poller.memory.restore([WHOLE, PARTNER], first.poller.memory.export([WHOLE, PARTNER]))
    await second.start(WHOLE, PARTNER)
    assert second.poller.is_pending(PARTNER)
    await second.poll(WHOLE, PARTNER)
    assert second.poller.tally.unchanged == 2
