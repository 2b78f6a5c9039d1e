"""Polls come evenly, at the start and later, and less often when Dintero has too much to do."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from notifier import app
from notifier.domain.first_run import FirstRun
from notifier.domain.pace import Pace
from notifier.domain.plan import Directory
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.watch import AccountTarget, Tempo
from notifier.engines import make_engine
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.recorder import Recorder
from notifier.settings import load_settings
from notifier.store.opening import AnyStore
from tests.fakes import ACCOUNT, FakeClock, FakeSource, make_account
from tests.service.conftest import MakeService, of_many
from tests.service.test_between_walks import IDS, PARTNER, Counting, show

WHOLE = AccountTarget("dintero", ACCOUNT)
PACE = Pace(60, 900, 20)
CHANCES = [number / 100 for number in range(100)]


def choose(*, is_pending: bool = False, is_first: bool = False) -> list[float]:
    """Return the waits of a hundred targets."""
    return [
        PACE.choose_wait_seconds(is_pending=is_pending, is_first=is_first, chance=chance)
        for chance in CHANCES
    ]


def test_the_first_round_is_spread_and_takes_no_longer_than_an_interval() -> None:
    """A hundred thousand targets must not be asked for at once, and few must not wait for long."""
    assert PACE.choose_step_seconds(100_000) * 100_000 <= PACE.interval_seconds
    assert PACE.choose_step_seconds(20) * 20 < 1
    assert PACE.choose_step_seconds(0) >= 0


def test_the_second_round_is_spread_over_the_whole_interval() -> None:
    """Targets that were read in a row at the start must come evenly from then on."""
    waits = choose(is_first=True)
    assert [sum(begin <= wait < begin + 90 for wait in waits) for begin in range(0, 900, 90)] == [10] * 10


def test_no_interval_is_longer_than_it_says_and_none_like_the_next() -> None:
    """What was asked for together must drift apart, and nobody must wait longer than the settings say."""
    waits = choose(is_pending=True)
    assert len(set(waits)) == len(waits)
    assert all(54 <= wait <= 60 for wait in waits)


async def test_it_is_said_for_as_long_as_it_lasts(make_service: MakeService) -> None:
    """The status must say that a source is asked less often, and why, and no longer than that."""
    source = FakeSource(make_account())
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    source.tempo = Tempo(2.25, "Dintero answers slowly")
    await service.poller.note_tempo()
    assert service.poller.find_stretch(WHOLE) == 2.25
    said = {"dintero: pace": "Dintero answers slowly: it is asked 2.2 times less often than usual"}
    assert await service.database.run(lambda books: books.load_problems()) == said
    await service.poll(WHOLE)
    assert service.poller.problems == said
    source.tempo = Tempo()
    await service.poller.note_tempo()
    assert await service.database.run(lambda books: books.load_problems()) == {}


async def test_the_pace_of_one_worker_is_no_others_to_clear(database: AnyStore, clock: FakeClock) -> None:
    """A worker that starts, or asks as usual, must leave what is said of another one, until that is gone."""
    strained, other = (FakeSource(make_account()) for _ in range(2))
    strained.tempo = Tempo(2.25, "Dintero answers slowly")
    subject = "dintero: pace of one/1/a"

    def make(source: FakeSource, name: str) -> Poller:
        planner = Planner(DEFAULT_ROUTES, Directory({"sales": "to sales"}, {}))
        recorder = Recorder(database, clock, planner, FirstRun.OPEN)
        return Poller({"dintero": source}, database, recorder, clock, lambda _=None: None, asker=name)

    def sign(**changed: datetime) -> None:
        now = clock.now()
        row = {"worker_id": "one/1/a", "host": "one", "pid": 1, "version": "1", "started_at": now, "polls": 0}
        database.run_now(
            lambda books: books.save_beat({**row, "beat_at": now, "last_round_at": None, **changed})
        )

    def list_subjects() -> list[str]:
        return list(database.run_now(lambda books: books.load_problems()))

    sign()
    one, two = make(strained, "one/1/a"), make(other, "two/1/b")
    await one.start((WHOLE,))
    await one.note_tempo()
    await two.start((WHOLE,))
    await two.note_tempo()
    await two.forget_gone()
    assert list_subjects() == [subject]
    sign(stopped_at=clock.now())
    await two.forget_gone()
    assert list_subjects() == []


@of_many
@pytest.mark.parametrize("pending", [0, 2])
async def test_no_walk_is_later_than_the_settings_say(
    database: AnyStore, clock: FakeClock, tmp_path: Path, pending: int
) -> None:
    """A poll that comes early by its jitter must walk all the same, and not leave that to the next one."""
    environ = {
        "NOTIFIER_DINTERO__ACCOUNT_ID": PARTNER.owner_id,
        "NOTIFIER_DINTERO__CLIENT_ID": "client",
        "NOTIFIER_DINTERO__CLIENT_SECRET": "client-secret",
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_SLACK__WEBHOOK_URL": "https://hooks.slack.com/services/T/B/1",
    }
    settings = load_settings(config_path=None, environ=environ, cwd=tmp_path)
    source = Counting(*(show(one, "pending") for one in IDS[:pending]))
    async with app.connect(settings) as outside:
        engine = make_engine(settings, database, replace(outside, sources={"dintero": source}), clock)
        for chance in CHANCES[::10]:
            is_pending = await engine._poller.poll(PARTNER)
            clock.advance(
                engine._pace.choose_wait_seconds(
                    is_pending=is_pending, is_first=False, chance=chance, is_walk=True
                )
            )
    assert source.walks == 10
