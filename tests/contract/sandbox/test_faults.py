"""The plan of faults, and each fault as a client meets it."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from notifier.sandbox import (
    Fault,
    Faults,
    Kind,
    SandboxDintero,
    SandboxSlack,
    answer,
    cut_short,
    delay,
    drip,
    hang,
    html,
    huge,
    ok_false,
    redirect,
    reset,
    wrong_shape,
)

from .conftest import ACCOUNT, Time


def test_plan_counts_times_and_after() -> None:
    """A fault lets `after` requests pass, hits `times`, and is then spent."""
    faults = Faults(answer(500).on("GET", "/x$", times=2, after=1))
    hits = [faults.due("GET", "/x") is not None for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert faults.caused == {"answer": 2}


def test_plan_matches_method_and_path() -> None:
    """A fault hits only its method and the paths that its expression finds."""
    faults = Faults(reset().on("POST", r"/chat\.update", times=None))
    assert faults.due("GET", "/api/chat.update") is None
    assert faults.due("POST", "/api/chat.postMessage") is None
    assert faults.due("POST", "/api/chat.update?x=1") is not None


def test_earlier_faults_come_first() -> None:
    """Of two faults for the same request the one added first is caused, then the next."""
    faults = Faults()
    faults.add(answer(500).on(), html().on())
    kinds = [fault.kind if fault else None for fault in (faults.due("GET", "/") for _ in range(3))]
    assert kinds == [Kind.ANSWER, Kind.HTML, None]


def test_random_faults_repeat_with_the_seed() -> None:
    """The same seed and requests give the same faults, however other paths fall between."""
    rates = {"500": 0.2, "reset_after": 0.2}
    first, second = Faults.random(3, rates), Faults.random(3, rates)
    for number in range(200):
        second.due("GET", f"/other/{number}")
    drawn_first = [first.due("GET", "/a?page=1") for _ in range(100)]
    drawn_second = [second.due("GET", "/a?page=2") for _ in range(100)]
    assert drawn_first == drawn_second
    assert 20 <= sum(fault is not None for fault in drawn_first) <= 60
    assert [Faults.random(4, rates).due("GET", "/a") for _ in range(100)] != drawn_first


def test_random_faults_spare_other_paths_and_end() -> None:
    """Random faults hit only the paths they are for, and none after `clear`."""
    faults = Faults.random(1, {"500": 1.0}, path="/api/")
    assert faults.due("GET", "/state.json") is None
    assert faults.due("GET", "/api/x") is not None
    faults.clear()
    assert faults.due("GET", "/api/x") is None
    assert faults.drawn == {"500": 1}


@pytest.mark.parametrize("rates", [{"nonsense": 0.1}, {"500": 0.6, "429": 0.6}, {"500": -0.1}])
def test_bad_rates_are_refused(rates: dict[str, float]) -> None:
    """Unknown names and rates that are no probabilities are refused at once."""
    with pytest.raises(ValueError, match=r"unknown fault|probabilities"):
        Faults.random(1, rates)


@pytest.fixture
def url(dintero: SandboxDintero) -> str:
    """Give the address of an account that exists."""
    return f"{dintero.base_url}/accounts/{ACCOUNT}/management/settings"


async def test_retry_after_has_two_forms(dintero: SandboxDintero, http: ClientSession, url: str) -> None:
    """A 429 carries Retry-After as seconds or as an HTTP date."""
    dintero.faults.add(answer(429, retry_after_seconds=7))
    dintero.faults.add(answer(429, retry_after_at=datetime(2026, 5, 12, 8, tzinfo=UTC)))
    for expected in ("7", "Tue, 12 May 2026 08:00:00 GMT"):
        async with http.get(url) as response:
            assert response.status == 429
            assert response.headers["Retry-After"] == expected


async def test_html_and_wrong_shape(dintero: SandboxDintero, http: ClientSession, url: str) -> None:
    """HTML and JSON of another shape arrive with the status and type that they claim."""
    dintero.faults.add(html(), wrong_shape([1, 2]), wrong_shape(b"{not json"))
    async with http.get(url) as response:
        assert response.content_type == "text/html"
    async with http.get(url) as response:
        assert await response.json() == [1, 2]
    async with http.get(url) as response:
        assert await response.read() == b"{not json"


async def test_redirect(dintero: SandboxDintero, http: ClientSession, url: str) -> None:
    """A redirect names the other address and has no body to read."""
    dintero.faults.add(redirect("https://elsewhere.example/", 307))
    async with http.get(url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "https://elsewhere.example/")


@pytest.mark.parametrize(
    ("fault", "has_effect"),
    [
        (reset(), False),
        (reset(after_effect=True), True),
        (hang(30), False),
        (cut_short(), True),
    ],
)
async def test_broken_connections(
    slack: SandboxSlack, client: AsyncWebClient, fault: Fault, has_effect: bool
) -> None:
    """A connection that breaks looks the same to the client whether there was an effect."""
    slack.faults.add(fault)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="sales", text="hello")
    assert len(slack.messages("sales")) == has_effect
    assert slack.faults.caused == {fault.kind.value: 1}


@pytest.mark.parametrize(
    ("fault", "has_effect"),
    [
        (answer(500), False),
        (answer(500, after_effect=True), True),
        (ok_false("internal_error"), False),
        (ok_false("internal_error", after_effect=True), True),
    ],
)
async def test_given_answers(
    slack: SandboxSlack, http: ClientSession, fault: Fault, has_effect: bool
) -> None:
    """An answer of one's choice comes instead of the effect, or after it."""
    bot = slack.add_bot()
    slack.faults.add(fault)
    headers = {"Authorization": f"Bearer {bot.token}"}
    body = {"channel": "sales", "text": "hello"}
    async with http.post(f"{slack.base_url}chat.postMessage", json=body, headers=headers) as response:
        assert response.status == fault.status
        assert await response.read() == fault.body
    assert len(slack.messages("sales")) == has_effect


@pytest.mark.parametrize("fault", [hang(30, after_effect=True), delay(30), drip(10, 0.5)])
async def test_slow_answers_are_true(
    slack: SandboxSlack, client: AsyncWebClient, time: Time, fault: Fault
) -> None:
    """A late or dripping answer is the true one once it is there."""
    slack.faults.add(fault)
    assert (await client.chat_postMessage(channel="sales", text="hello"))["ok"]
    assert time.seconds >= 1
    assert len(slack.messages("sales")) == 1


@pytest.mark.parametrize("is_declared", [True, False])
async def test_huge_body(dintero: SandboxDintero, http: ClientSession, url: str, is_declared: bool) -> None:
    """A huge body has exactly the size that was asked for, announced or not."""
    dintero.faults.add(huge(1_000_001, is_declared=is_declared))
    async with http.get(url) as response:
        assert ("Content-Length" in response.headers) is is_declared
        assert len(await response.read()) == 1_000_001


async def test_shutdown_does_not_wait_for_hanging_requests() -> None:
    """Leaving the block cancels what hangs, so that a test never waits for it."""
    hanging = asyncio.Event()

    async def sleep(seconds: float) -> None:
        hanging.set()
        await asyncio.sleep(seconds)

    sandbox = SandboxSlack(faults=Faults(hang(3600)), sleep=sleep)
    async with sandbox.serve() as slack, ClientSession() as http:
        request = asyncio.create_task(http.get(f"{slack.base_url}api.test"))
        await hanging.wait()
    with pytest.raises((aiohttp.ClientError, asyncio.CancelledError)):
        await asyncio.wait_for(request, 1)
