"""What the comparison with peers counts, measures and shows; no peer is needed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.document import END
from benchmarks.outside import Outside
from benchmarks.peers.__main__ import BEGIN, PATH, tell
from benchmarks.peers.changedetection import find_changedetection
from benchmarks.peers.inbox import Inbox
from benchmarks.peers.notifier import Way, write_config
from benchmarks.peers.process import kill, run_process
from benchmarks.peers.report import tabulate_busy, tabulate_crashes, tabulate_telling, tabulate_watching
from benchmarks.peers.rivals import Burst, Busy, Effort, Skipped, Told, Watched
from benchmarks.peers.stage import Stage, wait_for_arrivals
from benchmarks.peers.tally import (
    Arrival,
    Delay,
    Losses,
    count_losses,
    find_case,
    measure_delay,
    rate_of,
    summarise,
)
from benchmarks.population import OWNER_ID, list_account_ids
from notifier.settings import load_settings
from notifier.settings.receivers import resolve_receivers

A, B, C = list_account_ids(3)
TOLD = Told(
    "somebody",
    Burst(812.4, 0.0012, 46 * 1024 * 1024),
    Delay(0.0015, 0.0088, 0.01),
    (("posted once", Losses(4, 2, 1)),),
    Busy(10, 7, 7.04),
)
NOBODY = Skipped("nobody", "not installed")


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """An inbox that serves."""
    async with Inbox().serve() as served:
        yield served


async def post(inbox: Inbox, *bodies: str) -> list[tuple[int, str | None]]:
    """Post over one connection; return each status, and its Retry-After."""

    def send() -> list[tuple[int, str | None]]:
        connection = HTTPConnection(inbox.base_url().removeprefix("http://"), timeout=5)
        found = []
        for body in bodies:
            connection.request("POST", "/services/T0/B0/x", body)
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, answer.getheader("Retry-After")))
        connection.close()
        return found

    return await asyncio.to_thread(send)


def test_losses_and_doubles_are_counted_by_case() -> None:
    """A case without a message is lost, each message beyond its first is doubled, others do not count."""
    arrivals = [Arrival(A, 1), Arrival(A, 2), Arrival(A, 3), Arrival(B, 4), Arrival("", 5), Arrival("P9", 6)]
    assert count_losses((A, B, C), arrivals) == Losses(cases=3, lost=1, doubled=2)
    assert count_losses((A,), []) == Losses(cases=1, lost=1, doubled=0)


def test_a_case_is_found_in_any_text() -> None:
    """A message is known by the account it names; the owner's own id is none of them."""
    assert find_case(f'{{"text": "{OWNER_ID}: {B} must sign ({B})"}}') == B
    assert find_case("nothing here") == ""


def test_delays_run_from_the_cause_to_the_first_message() -> None:
    """A message that comes twice counts once, and one that never came is no figure."""
    arrivals = [Arrival(A, 1.25), Arrival(B, 3.5), Arrival(A, 9)]
    delay = measure_delay({A: 1.0, B: 3.0}, arrivals)
    assert (delay.median, delay.greatest) == (0.375, 0.5)
    assert delay.percentile_99 == pytest.approx(0.4975)
    with pytest.raises(LookupError, match="1 of 2"):
        measure_delay({A: 1.0, C: 1.0}, arrivals)
    assert summarise([0.2]) == Delay(0.2, 0.2, 0.2)
    assert rate_of(arrivals) == pytest.approx(2 / 7.75)


async def test_the_inbox_takes_posts_and_says_whose_they_are(inbox: Inbox) -> None:
    """Posts over one connection are each answered, and noted in order with their time."""
    assert await post(inbox, f"about {A}", "", f"{B} " + "x" * 100_000) == [(200, None)] * 3
    taken = inbox.list_taken()
    assert [arrival.case for arrival in taken] == [A, "", B]
    assert taken[0].at <= taken[1].at <= taken[2].at
    inbox.forget()
    assert inbox.count_taken() == 0


async def test_a_busy_inbox_refuses_and_says_for_how_long(inbox: Inbox) -> None:
    """While it is busy, nothing is taken; the seconds to wait are whole, and enough."""
    inbox.be_busy(1.5)
    assert await post(inbox, A, B) == [(429, "2")] * 2
    assert (inbox.count_taken(), inbox.count_refused()) == (0, 2)
    inbox.be_busy(-1)
    assert await post(inbox, A) == [(200, None)]


def test_a_program_is_measured_and_ended(tmp_path: Path) -> None:
    """A program has a size, its words are kept in its folder, and it is gone when the block ends."""
    with run_process((sys.executable, "-c", "print('here', flush=True); input()"), tmp_path) as running:
        assert running.read_resident_bytes() > 0
        assert running.read_cpu_seconds() >= 0
        kill(running)
    assert running.process.returncode == -9
    stubborn = "import signal, subprocess; signal.pause()"
    with run_process((sys.executable, "-c", stubborn), tmp_path) as running:
        pass
    assert running.process.returncode is not None


def test_the_settings_of_each_way_can_be_read(tmp_path: Path) -> None:
    """The notifier must be unpaced, without digests, and every account belongs to one channel."""
    with Outside(Stage) as stage:
        stage.do(Stage.fill, 7)
        assert not wait_for_arrivals(stage, 1, 0)
        for way in (Way("webhook", 1), Way("webhook", 3), Way("bot", 3)):
            path = tmp_path / f"{way.kind}.toml"
            path.write_text(write_config(way, stage, 7, 0.2), "utf-8")
            settings = load_settings(config_path=path, environ={}, cwd=tmp_path)
            assert {one.pace_seconds for one in settings.receivers.values()} == {0}
            assert len(resolve_receivers(settings).by_name) == way.channels
            watched = [account for route in settings.routes for account in route.accounts]
            assert sorted(watched) == sorted(list_account_ids(7))
            assert settings.delivery.storm_cards == 0


def test_tables_show_everybody_and_say_who_is_missing() -> None:
    """Each program has its row in each table; one that is not there says so instead of a figure."""
    telling = tabulate_telling([TOLD, NOBODY], 1_000, 200)
    assert telling.rows[0] == ("somebody", "812", "1.2 ms", "1.5 ms", "8.8 ms", "46 MiB")
    assert tabulate_crashes([TOLD, NOBODY]).rows[0] == ("somebody", "posted once", "4", "2", "1")
    assert tabulate_busy([TOLD, NOBODY]).rows[0] == ("somebody", "10", "7 of 10", "7.0 s")
    watched = Watched("watcher", 200, 94.2, 0.0121, 122 * 1024 * 1024, Delay(0.8, 1.0, 1.0))
    watching = tabulate_watching([watched, NOBODY])
    assert watching.rows[0][2:5] == ("94", "12.1 ms", "122 MiB")
    for table in (telling, tabulate_crashes([NOBODY]), tabulate_busy([NOBODY]), watching):
        assert "skipped: not installed" in table.rows[-1]
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_peer_that_is_missing_is_skipped_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Alertmanager the others are measured all the same, and nobody overlooks it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("benchmarks.peers.__main__.WAYS", ())
    with Outside(Stage) as stage:
        assert tell(tmp_path, stage, Effort(1, 1, 1, 1, 1, 1)) == [Skipped("Alertmanager", "not installed")]
    assert "*** SKIPPED: Alertmanager" in capsys.readouterr().out
    assert find_changedetection(tmp_path) is None


def test_the_document_has_a_place_for_the_figures() -> None:
    """`--write` must find both markers."""
    text = PATH.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


def test_the_installer_is_sound_and_starts_no_service() -> None:
    """A shell must be able to read it, and Debian's package must be told not to start."""
    script = Path(sys.modules["benchmarks.peers"].__path__[0]) / "install.sh"
    subprocess.run(["sh", "-n", script], check=True)
    assert "policy-rc.d" in script.read_text("utf-8")
