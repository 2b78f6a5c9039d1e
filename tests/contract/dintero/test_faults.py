"""Every fault of a Dintero, caused over real HTTP: the right error, one sentence, no secret."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from notifier.dintero import Credentials, DinteroSource, RetryPolicy
from notifier.errors import (
    SourceError,
    SourceMalformed,
    SourceNotFound,
    SourceRateLimited,
    SourceRejected,
    SourceUnauthorized,
    SourceUnavailable,
)
from notifier.sandbox import (
    Fault,
    SandboxDintero,
    answer,
    cut_short,
    hang,
    html,
    redirect,
    reset,
    wrong_shape,
)
from tests.contract.dintero.conftest import (
    ACCOUNT,
    CONNECTION,
    EVERYTHING,
    OWNER,
    SECRET,
    WHOLE,
    MakeSource,
    Time,
)


async def fail(source: DinteroSource, kind: type[SourceError]) -> SourceError:
    """Read a connection in vain, and prove that the error tells no secret."""
    with pytest.raises(kind) as caught:
        await source.read(CONNECTION, None)
    error = caught.value
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert error.__cause__ is None
    for secret in (SECRET, "sandbox.", "Bearer", "Basic", "CANARY"):
        assert secret not in text
    assert str(error).isprintable()
    return error


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (answer(400), SourceRejected, "400"),
        (answer(403), SourceUnauthorized, "read:accounts or admin:accounts"),
        (answer(404), SourceNotFound, ACCOUNT),
        (answer(410), SourceRejected, "410"),
        (html(), SourceMalformed, "HTML instead of JSON"),
        (wrong_shape(), SourceMalformed, "another shape"),
        (wrong_shape({"CANARY": 1}), SourceMalformed, "without any field"),
        (wrong_shape(b""), SourceMalformed, "empty body"),
        (answer(200, body={}, headers={"X": "CANARY" * 2_000}), SourceMalformed, "no valid HTTP"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else None,
)
async def test_what_asking_again_cannot_mend_is_asked_once(
    source: DinteroSource, dintero: SandboxDintero, fault: Fault, kind: type[SourceError], said: str
) -> None:
    """4xx and malformed answers are an error by meaning, at once."""
    dintero.faults.add(fault.on("GET", times=None))
    error = await fail(source, kind)
    assert type(error) is kind
    assert said in str(error)
    assert sum(dintero.faults.caused.values()) == 1


@pytest.mark.parametrize(
    ("fault", "requests"),
    # A connection that breaks on a request is tried once more by aiohttp itself (RFC 9112, 9.3.1).
    [(answer(500), 4), (answer(503), 4), (answer(408), 4), (answer(425), 4), (cut_short(), 4), (reset(), 8)],
    ids=lambda value: f"{value.kind.value} {value.status}" if isinstance(value, Fault) else "",
)
async def test_what_may_pass_is_asked_four_times(
    source: DinteroSource, dintero: SandboxDintero, time: Time, fault: Fault, requests: int
) -> None:
    """Faults that may pass are repeated with backoff, and then SourceUnavailable."""
    dintero.faults.add(fault.on("GET", times=None))
    await fail(source, SourceUnavailable)
    assert sum(dintero.faults.caused.values()) <= requests
    assert time.slept == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("make", [lambda: answer(500), cut_short, reset, lambda: answer(429)])
async def test_what_has_passed_costs_nothing_but_time(
    source: DinteroSource, dintero: SandboxDintero, make: Callable[[], Fault]
) -> None:
    """Two faults in a row, and the read succeeds."""
    dintero.faults.add(make().on("GET", times=2))
    assert await source.read(CONNECTION, None) is not None


async def test_a_hang_ends(make_source: MakeSource, dintero: SandboxDintero) -> None:
    """Silence is SourceUnavailable when the read time-out is over."""
    dintero.faults.add(hang().on("GET", times=None))
    source = make_source(read_seconds=0.05, policy=RetryPolicy(attempts=2))
    error = await fail(source, SourceUnavailable)
    assert "took too long" in str(error)
    assert dintero.faults.caused["hang"] == 2


async def test_a_poll_that_is_too_slow_is_repeated_with_patience(
    make_source: MakeSource, dintero: SandboxDintero
) -> None:
    """The first try of a poll has the read time-out in all; a repeat may take longer."""
    source = make_source(read_seconds=0.05)
    first = await source.read(CONNECTION, None)
    assert first is not None
    dintero.faults.add(hang().on("GET"))
    assert await source.read(CONNECTION, first.fingerprint) is None


async def test_nobody_at_the_address(make_source: MakeSource) -> None:
    """A refused connection is SourceUnavailable and names the reason."""
    error = await fail(make_source(base_url="http://127.0.0.1:1/v1"), SourceUnavailable)
    assert "could be made" in str(error)
    assert "access token" in str(error)


async def test_wrong_credentials_say_what_to_check(make_source: MakeSource, dintero: SandboxDintero) -> None:
    """They are SourceUnauthorized with the names of the variables, and are tried once for many polls."""
    source = make_source(Credentials(OWNER, "sandbox-client", "CANARY"))
    for _ in range(5):
        error = await fail(source, SourceUnauthorized)
        assert "NOTIFIER_DINTERO__CLIENT_SECRET" in str(error)
    assert dintero.counts["token"] == 1


async def test_another_source_names_its_own_variables(make_source: MakeSource) -> None:
    """`[sources.live]` is told apart from `[dintero]`."""
    error = await fail(make_source(Credentials(OWNER, "x", "CANARY"), name="live"), SourceUnauthorized)
    assert "NOTIFIER_SOURCES__LIVE__CLIENT_ID" in str(error)


async def test_a_missing_scope_is_named(make_source: MakeSource, dintero: SandboxDintero) -> None:
    """403 says which scopes would do."""
    dintero.credentials.add_client("poor", "CANARY", OWNER, scopes=["read:hooks"])
    error = await fail(make_source(Credentials(OWNER, "poor", "CANARY")), SourceUnauthorized)
    assert "read:accounts or admin:accounts" in str(error)
    assert error.status == 403


@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_a_failing_token_endpoint_is_never_a_missing_connection(
    make_source: MakeSource, dintero: SandboxDintero, status: int
) -> None:
    """No answer of the token endpoint is SourceNotFound; what may pass is repeated, once for all."""
    dintero.faults.add(answer(status).on("POST", times=None))
    error = await fail(make_source(), SourceError)
    assert not isinstance(error, SourceNotFound)
    assert sum(dintero.faults.caused.values()) == (1 if status < 429 else 4)


async def test_a_token_is_renewed_once(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A 401 costs one new token and one more call."""
    await source.read(CONNECTION, None)
    dintero.credentials.revoke_tokens()
    assert await source.read(CONNECTION, None) is not None
    assert dintero.counts["token"] == 2
    assert dintero.counts["connection"] == 3


async def test_a_second_401_is_about_credentials(source: DinteroSource, dintero: SandboxDintero) -> None:
    """It is SourceUnauthorized, and other polls do not renew again at once."""
    dintero.faults.add(answer(401).on("GET", times=None))
    for _ in range(5):
        error = await fail(source, SourceUnauthorized)
        assert error.status == 401
        assert "NOTIFIER_DINTERO__CLIENT_ID" in str(error)
    assert dintero.counts["token"] == 2
    assert sum(dintero.faults.caused.values()) == 6


async def test_retry_after_in_seconds_is_waited_out(
    source: DinteroSource, dintero: SandboxDintero, time: Time
) -> None:
    """A wait that fits is waited."""
    dintero.faults.add(answer(429, retry_after_seconds=7).on("GET"))
    assert await source.read(CONNECTION, None) is not None
    assert time.slept == [7.25]


async def test_retry_after_as_a_date_is_waited_out(
    source: DinteroSource, dintero: SandboxDintero, time: Time
) -> None:
    """A date is as good as seconds."""
    until = datetime.now(UTC) + timedelta(seconds=20)
    dintero.faults.add(answer(503, retry_after_at=until).on("GET"))
    assert await source.read(CONNECTION, None) is not None
    assert 18 < time.slept[0] <= 21


async def test_a_longer_retry_after_is_handed_on(
    source: DinteroSource, dintero: SandboxDintero, time: Time
) -> None:
    """A wait that does not fit ends it at once, with the seconds for whoever plans the next poll."""
    dintero.faults.add(answer(429, retry_after_seconds=600).on("GET", times=None))
    error = await fail(source, SourceRateLimited)
    assert isinstance(error, SourceRateLimited)
    assert error.retry_after_seconds == 600
    assert time.slept == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_token_follows_no_redirect(
    source: DinteroSource, dintero: SandboxDintero, status: int
) -> None:
    """Another host gets no request at all, and the error names it without its path."""
    async with SandboxDintero(OWNER).serve() as elsewhere:
        dintero.faults.add(redirect(f"{elsewhere.url}/CANARY", status).on("GET", times=None))
        error = await fail(source, SourceRejected)
        assert "redirected" in str(error)
        assert "127.0.0.1" in str(error)
        assert not elsewhere.requests


async def test_the_credentials_follow_no_redirect(source: DinteroSource, dintero: SandboxDintero) -> None:
    """The token endpoint's redirect is not followed either."""
    async with SandboxDintero(OWNER).serve() as elsewhere:
        dintero.faults.add(redirect(f"{elsewhere.url}/CANARY", 307).on("POST", times=None))
        await fail(source, SourceRejected)
        assert not elsewhere.requests


async def test_one_bad_connection_does_not_hide_the_good(
    source: DinteroSource, dintero: SandboxDintero
) -> None:
    """It is named, and the others are read."""
    dintero.apply(ACCOUNT, "swish")
    dintero.put_raw_connection(ACCOUNT, "klarna", ["nonsense"])
    reading = await source.read(WHOLE, None)
    assert reading is not None
    assert {connection.key.name for connection in reading.snapshot.connections} == {"vipps", "swish"}
    assert reading.snapshot.unreadable == {"klarna"}
    assert f"{ACCOUNT}/klarna" in reading.snapshot.problems[0]


async def test_one_bad_account_does_not_hide_the_good(source: DinteroSource, dintero: SandboxDintero) -> None:
    """It is sighted with its problem, and the walk goes on."""
    dintero.add_account("P00000001")
    dintero.put_raw_account(ACCOUNT, "nonsense")
    sightings = [sighting async for page in source.walk(EVERYTHING, {}) for sighting in page]
    assert [sighting.account_id for sighting in sightings] == ["", "P00000001"]
    assert sightings[0].snapshot is not None
    assert sightings[0].snapshot.problems


async def test_a_closed_source_says_so(source: DinteroSource) -> None:
    """After closing, every read is a SourceError."""
    await source.close()
    assert "closed" in str(await fail(source, SourceUnavailable))
