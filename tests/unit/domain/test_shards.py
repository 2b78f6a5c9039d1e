"""Shards are planned from the targets alone: the same everywhere, and as steady as can be."""

from notifier.domain.model import ConnectionKey
from notifier.domain.shards import plan_shards
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Target

_PARTNER = PartnerTarget("dintero", "P11200000")


def _make_accounts(count: int, source: str = "dintero") -> list[Target]:
    return [AccountTarget(source, f"P{number:08d}") for number in range(count)]


def test_every_target_is_in_one_shard() -> None:
    """Nothing may be read twice, and nothing not at all."""
    targets = [
        *_make_accounts(1000),
        *_make_accounts(10, "other"),
        ConnectionTarget("dintero", ConnectionKey("P99999999", "vipps")),
        _PARTNER,
    ]
    shards = plan_shards(targets, most=100)
    spread = [target for shard in shards for target in shard.targets]
    assert len(spread) == len(targets)
    assert set(spread) == set(targets)
    assert all(target.source == shard.source for shard in shards for target in shard.targets)
    assert len({shard.shard_id for shard in shards}) == len(shards)
    assert max(len(shard.targets) for shard in shards) <= 150


def test_the_order_of_the_settings_does_not_matter() -> None:
    """Two workers that read the same settings must plan the same, whatever order a mapping gave them."""
    targets = _make_accounts(500)
    assert {(shard.shard_id, shard.digest) for shard in plan_shards(targets, 100)} == {
        (shard.shard_id, shard.digest) for shard in plan_shards(reversed(targets), 100)
    }


def test_one_account_more_changes_one_shard() -> None:
    """What was remembered of all others must be good for them still."""
    before = {shard.shard_id: shard.digest for shard in plan_shards(_make_accounts(500), 100)}
    after = {shard.shard_id: shard.digest for shard in plan_shards(_make_accounts(501), 100)}
    assert before.keys() == after.keys()
    assert sum(before[shard_id] != digest for shard_id, digest in after.items()) == 1


def test_a_shard_is_another_one_when_something_else_is_asked_for() -> None:
    """Workers with different settings must be able to tell."""
    walks = [
        _PARTNER,
        PartnerTarget("dintero", "P11200000", frozenset({"vipps"})),
        PartnerTarget("dintero", "P11200000", except_accounts=frozenset({"P00000001"})),
    ]
    digests = {plan_shards([walk])[0].digest for walk in walks}
    assert len(digests) == len(walks)
    assert len({plan_shards([walk])[0].shard_id for walk in walks}) == 1


def test_nothing_to_read_is_no_shard() -> None:
    """Without targets there is nothing to be done."""
    assert plan_shards([]) == ()
