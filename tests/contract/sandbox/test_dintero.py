"""The sandbox's Dintero, asked over HTTP as the notifier asks the real one."""

import pytest
from aiohttp import ClientSession

from notifier.sandbox import CONFIGURATION_CANARY, PERSON_CANARY, EventLists, SandboxDintero

from .conftest import ACCOUNT, Time, basic, bearer

OWNER = "P11200000"
SECRET = "sandbox-client-secret"


async def ask_for_token(
    dintero: SandboxDintero,
    http: ClientSession,
    owner: str = OWNER,
    secret: str = SECRET,
    **body: str,
) -> tuple[int, dict[str, object]]:
    """Ask for a token and return the status and the body."""
    url = f"{dintero.base_url}/accounts/{owner}"
    asked = {"grant_type": "client_credentials", "audience": url, **body}
    async with http.post(f"{url}/auth/token", headers=basic("sandbox-client", secret), json=asked) as answer:
        return answer.status, await answer.json()


async def get(
    dintero: SandboxDintero, http: ClientSession, path: str, headers: dict[str, str]
) -> tuple[int, object]:
    """Get a path below the base URL and return the status and the body."""
    async with http.get(f"{dintero.base_url}/accounts/{path}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_token(dintero: SandboxDintero, http: ClientSession) -> None:
    """Right credentials give a bearer token with its lifetime in seconds."""
    status, body = await ask_for_token(dintero, http)
    assert status == 200
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 86400
    assert dintero.counts["token"] == 1


async def test_token_takes_dinteros_own_audience(dintero: SandboxDintero, http: ClientSession) -> None:
    """The audience may name Dintero's own host, as it does in production."""
    audience = f"https://api.dintero.com/v1/accounts/{OWNER}"
    assert (await ask_for_token(dintero, http, audience=audience))[0] == 200


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"secret": "wrong"}, 401),
        ({"audience": "https://elsewhere.example"}, 403),
        ({"owner": "P99999999"}, 403),
        ({"grant_type": "password"}, 400),
    ],
)
async def test_token_is_refused(
    dintero: SandboxDintero, http: ClientSession, changed: dict[str, str], status: int
) -> None:
    """Wrong credentials, grants and audiences are refused with an error body."""
    answered, body = await ask_for_token(dintero, http, **changed)
    assert answered == status
    assert isinstance(body["error"], dict)
    assert set(body["error"]) == {"code", "message", "errors"}


async def test_tokens_end(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str], time: Time
) -> None:
    """A token that is unknown, has expired or was revoked is answered with 401."""
    path = f"{ACCOUNT}/management/settings"
    assert (await get(dintero, http, path, {}))[0] == 401
    assert (await get(dintero, http, path, auth))[0] == 200
    time.move(86_400)
    assert (await get(dintero, http, path, auth))[0] == 401
    fresh = await bearer(dintero, http)
    assert (await get(dintero, http, path, fresh))[0] == 200
    dintero.credentials.revoke_tokens()
    assert (await get(dintero, http, path, fresh))[0] == 401


async def test_scope_and_owner(dintero: SandboxDintero, http: ClientSession) -> None:
    """A token without the scope, or for another owner's account, is answered with 403."""
    dintero.credentials.add_client("sandbox-client", SECRET, OWNER, ["read:hooks"])
    auth = await bearer(dintero, http)
    assert (await get(dintero, http, f"{ACCOUNT}/management/settings", auth))[0] == 403
    dintero.credentials.add_client("sandbox-client", SECRET, OWNER)
    auth = await bearer(dintero, http)
    dintero.add_account("P22222222", partner_id="P33333333")
    assert (await get(dintero, http, "P22222222/management/settings", auth))[0] == 403
    assert (await get(dintero, http, f"P33333333/management/accounts/{ACCOUNT}", auth))[0] == 403


async def test_one_connection(dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]) -> None:
    """A connection is answered with its signup, status, events and, as ever, its secrets."""
    dintero.apply(ACCOUNT, "vipps")
    event_id = dintero.require_signature(ACCOUNT, "vipps", link="https://sign.example.com/1")
    status, body = await get(dintero, http, f"{ACCOUNT}/management/settings/connections/vipps", auth)
    assert status == 200
    assert isinstance(body, dict)
    assert body["status"] == "pending"
    assert body["events"][0]["id"] == event_id
    assert body["events"][0]["metadata"]["signature_link"] == "https://sign.example.com/1"
    assert {"id", "url", "created_at", "callback_at", "expires_at"} == set(body["signup"])
    assert CONFIGURATION_CANARY in str(body["configuration"])


@pytest.mark.parametrize("name", ["vipps", "payex/creditcard", "nothing-yet", "payex"])
async def test_no_such_connection(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str], name: str
) -> None:
    """A connection for which the merchant has not applied is answered with 404."""
    path = f"{ACCOUNT}/management/settings/connections/{name}"
    status, body = await get(dintero, http, path, auth)
    assert status == 404
    assert isinstance(body, dict)
    assert body["error"]["code"] == "NOT FOUND"


async def test_account_in_three_ways(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]
) -> None:
    """The account itself, the partner's view and the partner's list give the same account."""
    dintero.apply(ACCOUNT, "payex/creditcard")
    own = await get(dintero, http, f"{ACCOUNT}/management/settings", auth)
    as_partner = await get(dintero, http, f"{OWNER}/management/accounts/{ACCOUNT}", auth)
    listed = await get(dintero, http, f"{OWNER}/management/accounts", auth)
    assert own == as_partner
    assert listed == (200, [own[1]])
    assert isinstance(own[1], dict)
    assert own[1]["connections"]["payex"]["creditcard"]["status"] == "pending"
    assert PERSON_CANARY in str(own[1]["applicant"])
    assert dintero.counts == {"token": 1, "settings": 1, "account": 1, "accounts": 1}


@pytest.mark.parametrize("has_tokens", [True, False])
async def test_pages(time: Time, http: ClientSession, has_tokens: bool) -> None:
    """Following the last element's paging_token, or its id, visits every account once."""
    sandbox = SandboxDintero(clock=time.clock, paging_tokens=has_tokens)
    ids = [f"P{number:08d}" for number in range(1, 26)]
    async with sandbox.serve() as dintero:
        for account_id in ids:
            dintero.add_account(account_id)
        auth = await bearer(dintero, http)
        found: list[str] = []
        after = ""
        while True:
            path = f"{OWNER}/management/accounts?limit=10{after}"
            _, page = await get(dintero, http, path, auth)
            assert isinstance(page, list)
            if not page:
                break
            found += [account["account_id"] for account in page]
            assert ("paging_token" in page[-1]) is has_tokens
            after = f"&starting_after={page[-1].get('paging_token', page[-1]['account_id'])}"
            dintero.remove_account(found[-1])
    assert found == ids


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "starting_after=nowhere"])
async def test_bad_pages(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str], query: str
) -> None:
    """A limit outside 1 to 100 and an unknown place are answered with 400."""
    assert (await get(dintero, http, f"{OWNER}/management/accounts?{query}", auth))[0] == 400


async def test_filters(dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]) -> None:
    """Lists can be filtered by account id, by connection and by a connection's status."""
    dintero.add_account("P22222222")
    dintero.apply("P22222222", "swish")
    for query, count in (
        ("search=P2222", 1),
        ("connections=swish", 1),
        ("connections=swish.status.pending,vipps", 1),
        ("connections=swish.status.enabled", 0),
        ("limit=100", 2),
    ):
        _, page = await get(dintero, http, f"{OWNER}/management/accounts?{query}", auth)
        assert isinstance(page, list)
        assert len(page) == count


@pytest.mark.parametrize(
    "path",
    [
        f"{ACCOUNT}/management/settings/connections/vipps",
        f"{ACCOUNT}/management/settings",
        f"{OWNER}/management/accounts?limit=100",
    ],
)
async def test_etags(dintero: SandboxDintero, http: ClientSession, auth: dict[str, str], path: str) -> None:
    """An unchanged body is answered with 304; every change gives another ETag."""
    dintero.apply(ACCOUNT, "vipps")
    url = f"{dintero.base_url}/accounts/{path}"
    async with http.get(url, headers=auth) as answer:
        etag = answer.headers["ETag"]
    assert etag.startswith('W/"')
    async with http.get(url, headers={**auth, "If-None-Match": etag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
    dintero.set_status(ACCOUNT, "vipps", "enabled")
    async with http.get(url, headers={**auth, "If-None-Match": etag}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != etag
    dintero.etags = False
    async with http.get(url, headers={**auth, "If-None-Match": etag}) as answer:
        assert answer.status == 200
        assert "ETag" not in answer.headers


async def test_event_lists_are_served_as_told(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]
) -> None:
    """Assigning how lists misbehave changes the answers from then on."""
    dintero.apply(ACCOUNT, "vipps")
    dintero.require_signature(ACCOUNT, "vipps")
    path = f"{ACCOUNT}/management/settings/connections/vipps"
    _, before = await get(dintero, http, path, auth)
    dintero.event_lists = EventLists(is_repeated=True)
    _, after = await get(dintero, http, path, auth)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["events"] == before["events"] * 2


async def test_raw_account_is_served(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]
) -> None:
    """One broken account stands in the list as it is, among good ones."""
    dintero.add_account("P22222222")
    dintero.put_raw_account("P22222222", {"connections": 7})
    _, page = await get(dintero, http, f"{OWNER}/management/accounts", auth)
    assert isinstance(page, list)
    assert [account.get("account_id") for account in page] == [ACCOUNT, None]


async def test_requests_are_remembered_without_credentials(
    dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]
) -> None:
    """Recent requests show method, path and headers, and never a credential."""
    await get(dintero, http, f"{ACCOUNT}/management/settings?x=1", {**auth, "Dintero-System-Name": "n"})
    seen = dintero.requests[-1]
    assert (seen.method, seen.path) == ("GET", f"/v1/accounts/{ACCOUNT}/management/settings?x=1")
    assert seen.headers["dintero-system-name"] == "n"
    assert seen.headers["authorization"] == "Bearer"
    secret = auth["Authorization"].split()[1]
    assert all(secret not in f"{request!r}{request.headers}" for request in dintero.requests)


async def test_unknown_routes(dintero: SandboxDintero, http: ClientSession, auth: dict[str, str]) -> None:
    """A path that Dintero does not have is answered with 404 and counted as unknown."""
    assert (await get(dintero, http, "P1/nothing/here", auth))[0] == 404
    assert dintero.counts["unknown"] == 1


async def test_served_again_on_the_same_port(http: ClientSession) -> None:
    """After an outage the same object serves its state again on the same port."""
    sandbox = SandboxDintero()
    async with sandbox.serve() as dintero:
        dintero.add_account(ACCOUNT)
        auth = await bearer(dintero, http)
        port = int(dintero.url.rpartition(":")[2])
    async with sandbox.serve(port=port) as dintero:
        assert (await get(dintero, http, f"{ACCOUNT}/management/settings", auth))[0] == 200
