"""The three ways of reading, over real HTTP."""

import json
from dataclasses import replace

import pytest

from notifier import __version__
from notifier.dintero import Credentials, DinteroSource
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import AccountTarget, ConnectionTarget, Fingerprint, Sighting
from notifier.errors import ConfigError, SourceMalformed, SourceNotFound, SourceRejected
from notifier.sandbox import CONFIGURATION_CANARY, PERSON_CANARY, SandboxDintero, answer, reset
from notifier.service.ports import Source
from tests.contract.dintero.conftest import ACCOUNT, CONNECTION, EVERYTHING, OWNER, VIPPS, WHOLE, MakeSource


def name_of(source: Source) -> str:
    """Take a source as the service does: mypy compares it with the Protocol."""
    return source.name


async def walk(source: DinteroSource, seen: dict[str, bytes] | None = None) -> list[Sighting]:
    """Walk the whole partner."""
    return [sighting async for page in source.walk(EVERYTHING, seen or {}) for sighting in page]


async def test_it_is_a_source(source: DinteroSource) -> None:
    """It keeps the Protocol that the service knows it by."""
    assert name_of(source) == "dintero"


async def test_a_connection_is_read_alone(source: DinteroSource) -> None:
    """One request gives one connection, without a word about the others."""
    reading = await source.read(CONNECTION, None)
    assert reading is not None
    (connection,) = reading.snapshot.connections
    assert connection.key == VIPPS
    assert connection.status == "pending"
    assert connection.events[0].asks_for_signature
    assert not reading.snapshot.is_complete


async def test_an_account_is_read_with_its_merchant(source: DinteroSource, dintero: SandboxDintero) -> None:
    """An account that is the source's partner's is read below the partner, its own below itself."""
    reading = await source.read(WHOLE, None)
    assert reading is not None
    assert reading.snapshot.account.merchant == "Fjordbris Sport AS"
    assert reading.snapshot.is_complete
    assert dintero.requests[-1].path == f"/v1/accounts/{OWNER}/management/accounts/{ACCOUNT}"
    dintero.add_account(OWNER)
    await source.read(AccountTarget("dintero", OWNER), None)
    assert dintero.requests[-1].path == f"/v1/accounts/{OWNER}/management/settings"


async def test_nothing_that_must_vanish_is_in_a_reading(source: DinteroSource) -> None:
    """No configuration, no personal data and no link shows itself."""
    readings = [await source.read(target, None) for target in (CONNECTION, WHOLE)]
    shown = repr(readings) + repr(await walk(source))
    for canary in (CONFIGURATION_CANARY, PERSON_CANARY, "CANARY"):
        assert canary not in shown


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("target", [CONNECTION, WHOLE])
async def test_an_answer_that_was_seen_is_nothing_new(
    source: DinteroSource, dintero: SandboxDintero, etags: bool, target: ConnectionTarget | AccountTarget
) -> None:
    """The same answer is None, by a 304 or by its digest; a changed one is a reading."""
    dintero.etags = etags
    first = await source.read(target, None)
    assert first is not None
    assert await source.read(target, first.fingerprint) is None
    assert dintero.statuses[304] == int(etags)
    dintero.set_status(ACCOUNT, "vipps", "enabled")
    second = await source.read(target, first.fingerprint)
    assert second is not None
    assert second.snapshot.connections[0].status == "enabled"
    assert dintero.counts["token"] == 1


async def test_a_304_that_was_not_asked_for_is_malformed(
    source: DinteroSource, dintero: SandboxDintero
) -> None:
    """Without an ETag of ours nobody can say that nothing changed."""
    dintero.faults.add(answer(304, body=b"").on("GET"))
    with pytest.raises(SourceMalformed, match="304"):
        await source.read(CONNECTION, Fingerprint(b"x"))


async def test_payex_keeps_its_slash_and_names_are_data(
    source: DinteroSource, dintero: SandboxDintero
) -> None:
    """A product is asked for behind a slash, and any other character is encoded."""
    dintero.apply(ACCOUNT, "payex/creditcard")
    target = ConnectionTarget("dintero", ConnectionKey(ACCOUNT, "payex/creditcard"))
    assert await source.read(target, None) is not None
    assert dintero.requests[-1].path.endswith("/connections/payex/creditcard")
    with pytest.raises(SourceNotFound):
        await source.read(target._replace(key=ConnectionKey(ACCOUNT, "a b?c#ø%2e")), None)
    assert dintero.requests[-1].path.endswith("/connections/a%20b%3Fc%23%C3%B8%252e")


@pytest.mark.parametrize("name", ["..", "payex/..", "", "a//b", "."])
async def test_a_name_cannot_lead_elsewhere(
    source: DinteroSource, dintero: SandboxDintero, name: str
) -> None:
    """A name that would climb the path is refused before anything is sent."""
    with pytest.raises(SourceRejected):
        await source.read(ConnectionTarget("dintero", ConnectionKey(ACCOUNT, name)), None)
    assert not dintero.requests


async def test_requests_say_who_asks(source: DinteroSource, dintero: SandboxDintero) -> None:
    """Dintero's two headers, a user agent, and what is accepted are in every request."""
    await source.read(CONNECTION, None)
    assert len(dintero.requests) == 2
    for request in dintero.requests:
        assert request.headers["dintero-system-name"] == "dintero-notifier"
        assert request.headers["dintero-system-version"] == __version__
        assert request.headers["user-agent"] == f"dintero-notifier/{__version__}"
        assert request.headers["accept"] == "application/json"
    assert [request.headers["authorization"] for request in dintero.requests] == ["Basic", "Bearer"]


@pytest.mark.parametrize("paging_tokens", [True, False])
async def test_a_partner_is_walked_to_the_end(make_source: MakeSource, paging_tokens: bool) -> None:
    """Every account is sighted once, over pages of a hundred, by token or by id."""
    async with SandboxDintero(OWNER, paging_tokens=paging_tokens).serve() as server:
        names = [f"P{number:08}" for number in range(250)]
        for name in names:
            server.add_account(name)
        source = make_source(base_url=server.base_url)
        sightings = await walk(source)
        assert [sighting.account_id for sighting in sightings] == names
        assert server.counts["accounts"] == 4
        seen = {sighting.account_id: sighting.digest for sighting in sightings}
        server.apply("P00000007", "vipps")
        changed = [sighting for sighting in await walk(source, seen) if sighting.snapshot is not None]
        assert [sighting.account_id for sighting in changed] == ["P00000007"]


async def test_a_walk_leaves_out_what_another_target_reads(
    source: DinteroSource, dintero: SandboxDintero
) -> None:
    """`except_accounts` are not sighted, and `names` filters the rest."""
    dintero.add_account("P00000001")
    dintero.apply("P00000001", "swish")
    target = replace(EVERYTHING, except_accounts=frozenset({ACCOUNT}), names=frozenset({"vipps"}))
    pages = [page async for page in source.walk(target, {})]
    assert [sighting.account_id for page in pages for sighting in page] == ["P00000001"]
    assert pages[0][0].snapshot is not None
    assert pages[0][0].snapshot.connections == ()


async def test_pages_that_are_too_long_are_halved(make_source: MakeSource, dintero: SandboxDintero) -> None:
    """A page over the bound is asked for again with half as many accounts, until it fits."""
    for number in range(20):
        dintero.add_account(f"P{number:08}")
    source = make_source(body_bytes=4_000)
    assert len(await walk(source)) == 21
    limits = [request.path.partition("limit=")[2].partition("&")[0] for request in dintero.requests]
    assert limits[1:4] == ["100", "50", "25"]
    with pytest.raises(SourceMalformed, match="longer than the bound"):
        await walk(make_source(body_bytes=100))


async def test_small_pages_grow_again(make_source: MakeSource, dintero: SandboxDintero) -> None:
    """One long account must not make a whole walk go by small pages: behind it they become larger again."""
    for number in range(400):
        dintero.add_account(f"P{number:08}")
    dintero.put_raw_connection("P00000010", "vipps", {"status": "enabled", "padding": "x" * 200_000})
    source = make_source(body_bytes=210_000)
    assert len(await walk(source)) == 401
    limits = [request.path.partition("limit=")[2].partition("&")[0] for request in list(dintero.requests)[1:]]
    assert limits[0] == "100"
    assert int(min(limits, key=int)) < 50
    assert limits[-1] == "100"


async def test_one_account_that_is_too_long_is_named(
    make_source: MakeSource, dintero: SandboxDintero
) -> None:
    """When not even one account fits, one sentence must say behind which, and what to do."""
    dintero.put_raw_connection(ACCOUNT, "vipps", {"status": "enabled", "padding": "x" * 200_000})
    with pytest.raises(SourceMalformed, match=r"alone longer than that: raise poll\.max_body_mib\.$"):
        await walk(make_source(body_bytes=100_000))
    limits = [request.path.partition("limit=")[2].partition("&")[0] for request in list(dintero.requests)[1:]]
    assert limits == ["100", "50", "25", "12", "6", "3", "1"]


async def test_a_list_is_sifted_by_what_is_pending(source: DinteroSource, dintero: SandboxDintero) -> None:
    """The filter must ask for every connection that is watched, and show those alone that wait."""
    for number in range(250):
        dintero.add_account(f"P{number:08}")
        dintero.apply(f"P{number:08}", "swish")
        if number % 2:
            dintero.set_status(f"P{number:08}", "swish", "enabled")
    for names in (frozenset({"swish"}), frozenset[str]()):
        target = replace(EVERYTHING, names=names, except_accounts=frozenset({ACCOUNT}))
        found = [one.account_id async for page in source.sift(target, {}) for one in page]
        assert found == [f"P{number:08}" for number in range(0, 250, 2)]


async def test_a_page_survives_a_fault_in_the_middle(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A page that fails is asked for again, and the walk goes on."""
    for number in range(150):
        dintero.add_account(f"P{number:08}")
    dintero.faults.add(reset().on("GET", times=2, after=1))
    assert len(await walk(source)) == 151


async def test_a_walk_in_circles_ends(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A server that gives the same full page for ever is malformed."""
    page = [{"account_id": f"P{number:08}", "paging_token": "same"} for number in range(100)]
    dintero.faults.add(answer(200, body=page).on("GET", times=None))
    with pytest.raises(SourceMalformed):
        await walk(source)
    assert dintero.counts["accounts"] <= 2


async def test_confirming_asks_directly(source: DinteroSource, dintero: SandboxDintero) -> None:
    """What is there is given, what is not is None."""
    found = await source.confirm(VIPPS)
    assert found is not None
    assert found.connections[0].status == "pending"
    assert await source.confirm(ConnectionKey(ACCOUNT, "swish")) is None
    assert await source.confirm(ConnectionKey("P99999999", "vipps")) is None
    assert await source.confirm_account("P99999999") is None
    account = await source.confirm_account(ACCOUNT)
    assert isinstance(account, AccountSnapshot)
    assert account.is_complete
    assert dintero.counts["account"] == 2


async def test_confirming_keeps_nothing(source: DinteroSource, dintero: SandboxDintero) -> None:
    """Merchants come and go for years: what is only confirmed once leaves nothing behind."""
    await source.confirm(VIPPS)
    await source.confirm_account("P99999999")
    assert source._questions == {}


async def test_confirming_falls_back_to_the_account(source: DinteroSource, dintero: SandboxDintero) -> None:
    """Where the direct endpoint answers 403, the account's own answer decides."""
    dintero.faults.add(answer(403).on("GET", "/connections/", times=None))
    found = await source.confirm(VIPPS)
    assert found is not None
    assert [connection.key for connection in found.connections] == [VIPPS]
    assert await source.confirm(ConnectionKey(ACCOUNT, "swish")) is None
    assert await source.confirm(ConnectionKey("P99999999", "vipps")) is None
    dintero.put_raw_connection(ACCOUNT, "vipps", 5)
    with pytest.raises(SourceMalformed, match="cannot be read"):
        await source.confirm(VIPPS)


@pytest.mark.parametrize(
    "base_url", ["api.dintero.com", "ftp://x/v1", "https://user:CANARY@x/v1", "https://", "http://[x", ""]
)
def test_a_base_url_that_cannot_be_one_is_a_config_error(base_url: str) -> None:
    """It names the variable and not the value."""
    with pytest.raises(ConfigError, match="NOTIFIER_SOURCES__LIVE__BASE_URL") as caught:
        DinteroSource("live", Credentials(OWNER, "i", "s"), base_url=base_url)
    assert "CANARY" not in str(caught.value)


async def test_a_trailing_slash_of_the_base_url_does_not_matter(
    make_source: MakeSource, dintero: SandboxDintero
) -> None:
    """The path stays the same."""
    assert await make_source(base_url=f"{dintero.base_url}/").read(CONNECTION, None) is not None


async def test_nothing_shows_a_secret(source: DinteroSource) -> None:
    """Neither the source nor anything it holds shows the secret or the token in its repr."""
    await source.read(CONNECTION, None)
    api = source._api
    grant = api._tokens.find()
    assert grant is not None
    shown = json.dumps([repr(vars(item)) for item in (source, api, api._client, api._tokens)])
    assert grant.token not in shown
    assert "sandbox-client-secret" not in shown
