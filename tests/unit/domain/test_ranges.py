"""A partner's list is cut behind whole pages, so that each part is begun where a page was asked for."""

from datetime import timedelta

import pytest

from notifier.domain.blindness import Problem, TroubleKind
from notifier.domain.ranges import Cutter, Range, fold, name_whole
from notifier.domain.shards import Part, describe, name_base, name_division, name_part, plan_shards
from notifier.domain.watch import PartnerTarget, Sighting
from tests.fakes import NOW

_PARTNER = PartnerTarget("dintero", "P11200000")


def _make_page(*account_ids: str, cursor: str | None = "") -> tuple[Sighting, ...]:
    """Return a page; its last account has a cursor, `c-` and its id unless another is given."""
    *first, last = account_ids
    found = f"c-{last}" if cursor == "" else cursor
    return (*(Sighting(one, b"", None) for one in first), Sighting(last, b"", None, found))


def _cut(most: int, *pages: tuple[Sighting, ...]) -> tuple[Range, ...]:
    cutter = Cutter(most)
    for page in pages:
        cutter.note(page)
    return cutter.finish()


def test_each_part_begins_where_the_one_before_it_ends() -> None:
    """All accounts must be in one part, each begins behind the last cursor, and the last one has no end."""
    pages = [_make_page(f"P{place}1", f"P{place}2") for place in range(4)]
    assert _cut(4, *pages) == (
        Range("", "P12", ("P01", "P02", "P11", "P12")),
        Range("c-P12", "", ("P21", "P22", "P31", "P32")),
    )


def test_a_small_rest_stays_with_the_part_before() -> None:
    """Less than half a part more must not be a job of its own, half a part must be."""
    pages = [_make_page(f"P{place}1", f"P{place}2") for place in range(5)]
    assert [len(one.account_ids) for one in _cut(4, *pages)] == [4, 4, 2]
    assert [len(one.account_ids) for one in _cut(4, *pages, _make_page("P99"))] == [4, 4, 3]
    assert [len(one.account_ids) for one in _cut(6, *pages)] == [6, 4]
    assert [len(one.account_ids) for one in _cut(8, *pages)] == []
    assert [len(one.account_ids) for one in _cut(4, *pages[:4], _make_page("P99"))] == [4, 5]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_of_one_part_is_not_divided(count: int) -> None:
    """What one pass reads in a moment must stay whole."""
    assert _cut(4, *(_make_page(f"P{place}") for place in range(count))) == ()


def test_a_list_is_cut_where_it_can_be_entered_again() -> None:
    """Without a cursor, or behind an account that may not be known again, the part must go on."""
    pages = [
        _make_page("P1", "P2"),
        _make_page("P3", "P4", cursor=None),
        _make_page("P5", "P\u00e6"),
        _make_page("P6", "P7", cursor="c\0"),
        _make_page("P8", "P9"),
        _make_page("PA", "PB"),
        _make_page("PC", "PD"),
    ]
    assert [(one.after, one.until) for one in _cut(4, *pages)] == [("", "P9"), ("c-P9", "")]


def test_a_part_is_another_target_with_another_name() -> None:
    """Marks and problems of one part must never be taken for another's, or for the whole's."""
    parts = [Range("", "P1", ()), Range("c-P1", "P2", ()), Range("c-P2", "", ())]
    targets = [_PARTNER, *(part.narrow(_PARTNER) for part in parts)]
    assert [target.is_range for target in targets] == [False, True, True, True]
    assert len({describe(target) for target in targets}) == len(targets)
    assert len({str(target) for target in targets}) == len(targets)
    assert {name_whole(str(target)) for target in targets} == {str(_PARTNER)}


def test_a_part_reads_what_the_whole_is_asked_for() -> None:
    """Only its bounds may differ: which connections, and which accounts others read, must stay."""
    whole = PartnerTarget("dintero", "P112", frozenset({"vipps"}), frozenset({"P1"}))
    (base,) = plan_shards([whole])
    name = name_part(base.shard_id, 7, 3)
    part = Part(name, base.shard_id, base.digest, "c-P4", "P9", NOW)
    shard = part.narrow(base)
    assert (shard.shard_id, shard.digest, shard.source) == (name, base.digest, base.source)
    assert shard.targets == (Range("c-P4", "P9", ()).narrow(whole),)
    assert (name_base(name), name_base(base.shard_id)) == (base.shard_id, "")
    assert name_division(name) == name_division(name_part(base.shard_id, 7, 4))
    assert name_division(name) != name_division(name_part(base.shard_id, 17, 3))


def test_problems_of_parts_are_one_of_the_whole() -> None:
    """On-call must be told once of a list, the worst of it, since the first of it."""
    early, late = NOW, NOW + timedelta(minutes=5)
    problems = [
        Problem(f"{_PARTNER}, up to P1", early, "a part", TroubleKind.PARTIAL),
        Problem("dintero: P9", early, "another", TroubleKind.UNREADABLE),
        Problem(f"{_PARTNER}, up to P2", late, "all", TroubleKind.UNREADABLE),
        Problem(f"{_PARTNER}, up to the end", late, "a part", TroubleKind.PARTIAL),
    ]
    assert fold(problems) == [
        Problem(str(_PARTNER), early, "all", TroubleKind.UNREADABLE),
        Problem("dintero: P9", early, "another", TroubleKind.UNREADABLE),
    ]
