"""The sign of life that goes outside."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from notifier.domain.notices import Incident
from notifier.errors import StoreUnavailable
from notifier.receivers.heartbeat import HeartbeatAddress, add_fail
from notifier.receivers.session import open_session
from notifier.service.heartbeat import Heartbeat
from notifier.store.database import Database
from tests.fakes import NOW

SECRET = "canary-uuid-77"


class Listener:
    """Whoever listens; `answers` are the sentences that come back."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.heard: list[bool] = []

    async def beat(self, *, is_well: bool) -> str:
        """Hear one sign."""
        self.heard.append(is_well)
        return self.answers.pop(0) if self.answers else ""


async def _open(database: Database) -> None:
    incident = Incident("i1", "unreadable", "dintero: P1", "down", NOW)
    await database.run(lambda books: books.notices.save_incident(incident))


async def test_it_says_whether_an_incident_is_open(database: Database) -> None:
    """While something does not work the sign is another one."""
    listener = Listener()
    heartbeat = Heartbeat(database, listener, 60)
    assert await heartbeat.tend() == 60
    await _open(database)
    await heartbeat.tend()
    assert listener.heard == [True, False]


async def test_it_says_that_the_store_fails(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its store the notifier does not work, and the heartbeat does not need it."""

    async def fail(job: object) -> None:
        del job
        raise StoreUnavailable("locked")

    monkeypatch.setattr(database, "run", fail)
    listener = Listener()
    await Heartbeat(database, listener, 60).tend()
    assert listener.heard == [False]


async def test_a_sign_that_does_not_arrive_stops_nothing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in the log once, and once when it arrives again."""
    heartbeat = Heartbeat(database, Listener("answered 500", "answered 500", ""), 60)
    for _ in range(4):
        assert await heartbeat.tend() == 60
    said = capsys.readouterr().out
    assert said.count("the heartbeat did not arrive") == 1
    assert said.count("the heartbeat arrives again") == 1


def test_a_failure_is_told_by_the_path() -> None:
    """As Healthchecks wants it, also where the address has a query."""
    assert add_fail("https://hc.example.com/abc") == "https://hc.example.com/abc/fail"
    assert add_fail("https://hc.example.com/abc/?rid=1") == "https://hc.example.com/abc/fail?rid=1"


@pytest.fixture
async def asked() -> AsyncIterator[tuple[str, list[str]]]:
    """Give the address of a server that answers by its path, and the paths that were asked for."""
    paths: list[str] = []
    ending = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        if "hang" in request.path:
            await ending.wait()
        if "elsewhere" in request.path:
            raise web.HTTPFound("/never")
        return web.Response(status=500 if "broken" in request.path else 200)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}", paths
    ending.set()
    await runner.cleanup()


async def test_the_address_is_asked_for(asked: tuple[str, list[str]]) -> None:
    """A GET is all there is to it."""
    base_url, paths = asked
    async with open_session() as session:
        address = HeartbeatAddress(f"{base_url}/{SECRET}", session)
        assert await address.beat(is_well=True) == ""
        assert await address.beat(is_well=False) == ""
    assert paths == [f"/{SECRET}", f"/{SECRET}/fail"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [("broken", "answered 500"), ("hang", "took too long"), ("elsewhere", "could not be reached")],
)
async def test_an_address_that_fails_gives_a_sentence_without_the_address(
    asked: tuple[str, list[str]], path: str, problem: str
) -> None:
    """Whoever knows the address can pretend to be the notifier. A redirect is not followed."""
    base_url, paths = asked
    async with open_session(total_seconds=0.3) as session:
        address = HeartbeatAddress(f"{base_url}/{path}/{SECRET}", session)
        sentence = await address.beat(is_well=True)
        assert problem in sentence
        assert SECRET not in sentence + repr(address)
        assert base_url not in sentence
    assert len(paths) == 1


async def test_nobody_at_the_address_is_a_sentence_too() -> None:
    """Nothing that a connection can do is raised."""
    async with open_session(total_seconds=2) as session:
        assert isinstance(session, aiohttp.ClientSession)
        sentence = await HeartbeatAddress(f"http://127.0.0.1:1/{SECRET}", session).beat(is_well=True)
    assert sentence.startswith("alarms.heartbeat_url could not be reached (")
