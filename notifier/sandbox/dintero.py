"""A Dintero to run against on loopback: the token endpoint and the three ways of reading.

Routes (Dintero's public API reference, read 2026-08), all below `base_url`:

    POST /accounts/{oid}/auth/token
    GET  /accounts/{aid}/management/settings
    GET  /accounts/{aid}/management/settings/connections/{name}
    GET  /accounts/{aid}/management/settings/connections/payex/{product}
    GET  /accounts/{oid}/management/accounts
    GET  /accounts/{oid}/management/accounts/{aid}

What they answer is an `AccountBook`'s truth; `SandboxDintero` is that book, served.
"""

import asyncio
from base64 import urlsafe_b64encode
from hashlib import blake2b
from time import monotonic
from urllib.parse import parse_qsl, unquote

import msgspec
from aiohttp import hdrs, web

from notifier.sandbox.account_book import AccountBook
from notifier.sandbox.account_lists import page_of, paging_token
from notifier.sandbox.account_shapes import NOT_NAMES
from notifier.sandbox.accounts import Record
from notifier.sandbox.causing import Sleep
from notifier.sandbox.credentials import Credentials, Refused, is_owner, may_read
from notifier.sandbox.event_lists import EventLists
from notifier.sandbox.fault_kinds import JSON_TYPE
from notifier.sandbox.faults import Faults
from notifier.sandbox.loopback import Clock, LoopbackServer, Monotonic, bearer_token, utc_now

REAL_BASE_URL = "https://api.dintero.com/v1"
JSON_HEADERS = {hdrs.CONTENT_TYPE: JSON_TYPE}

Body = tuple[bytes, str]
"""Serialized JSON and its weak ETag."""


class SandboxDintero(AccountBook, LoopbackServer):
    """Dintero on loopback. See `AccountBook` for what can happen in it.

    Attributes:
        etags: whether answers carry a weak ETag and If-None-Match is honoured.
        credentials: the clients and their tokens.
        client: the credentials that exist from the start.
    """

    def __init__(
        self,
        owner_id: str = "P11200000",
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-client-secret",  # noqa: S107 - a fake one
        etags: bool = True,
        paging_tokens: bool = True,
        faults: Faults | None = None,
        clock: Clock = utc_now,
        monotonic_seconds: Monotonic = monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Start without accounts and with one client of the owner.

        `paging_tokens` says whether accounts carry a `paging_token`, as they do since
        Dintero's documentation mentions it; without, the account id names the place.
        """
        AccountBook.__init__(self, owner_id, clock)
        LoopbackServer.__init__(
            self, faults=faults, clock=clock, monotonic_seconds=monotonic_seconds, sleep=sleep
        )
        self.etags = etags
        self.credentials = Credentials(clock)
        self.client = self.credentials.add_client(client_id, client_secret, owner_id)
        self._paging_tokens = paging_tokens
        self._event_lists = EventLists()
        self._pages: dict[tuple[str, str], Body] = {}
        self._pages_version = 0
        self._encoder = msgspec.json.Encoder()

    @property
    def base_url(self) -> str:
        """What stands for `https://api.dintero.com/v1`."""
        return f"{self.url}/v1"

    @property
    def event_lists(self) -> EventLists:
        """How lists of events are served; assign to make them misbehave."""
        return self._event_lists

    @event_lists.setter
    def event_lists(self, event_lists: EventLists) -> None:
        self._event_lists = event_lists
        for account_id in self.account_ids():
            self.changed(account_id)

    # Routes

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(request)
        except Refused as refused:
            error = {"code": refused.code, "message": str(refused), "errors": []}
            body = self._encoder.encode({"error": error})
            return web.Response(status=refused.status, body=body, headers=JSON_HEADERS)

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        parts = (unquote(path) if "%" in path else path).split("/")[1:]
        match request.method, *parts:
            case "POST", "v1", "accounts", owner_id, "auth", "token":
                self.counts["token"] += 1
                return await self._token(request, owner_id)
            case "GET", "v1", "accounts", account_id, "management", "settings":
                self.counts["settings"] += 1
                body = self._account_body(self._readable(request, account_id))
            case "GET", "v1", "accounts", account_id, "management", "settings", "connections", *name:
                self.counts["connection"] += 1
                body = self._connection_body(self._readable(request, account_id), "/".join(name))
            case "GET", "v1", "accounts", owner_id, "management", "accounts":
                self.counts["accounts"] += 1
                body = self._page(self._owner(request, owner_id), query)
            case "GET", "v1", "accounts", owner_id, "management", "accounts", account_id:
                self.counts["account"] += 1
                self._owner(request, owner_id)
                body = self._account_body(self._readable(request, account_id))
            case _:
                self.counts["unknown"] += 1
                raise Refused(404, "NOT FOUND", "no such route")
        return self._reply(request, body)

    def _reply(self, request: web.BaseRequest, body: Body) -> web.Response:
        if not self.etags:
            return web.Response(body=body[0], headers=JSON_HEADERS)
        if request.headers.get(hdrs.IF_NONE_MATCH) == body[1]:
            return web.Response(status=304, headers={hdrs.ETAG: body[1]})
        return web.Response(body=body[0], headers={**JSON_HEADERS, hdrs.ETAG: body[1]})

    async def _token(self, request: web.BaseRequest, owner_id: str) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read())
        except msgspec.DecodeError:
            raise Refused(400, "BAD REQUEST", "the body is not JSON") from None
        token = self.credentials.token(
            request.headers.get(hdrs.AUTHORIZATION, ""),
            owner_id,
            asked,
            [f"{base}/accounts/{owner_id}" for base in (REAL_BASE_URL, self.base_url)],
        )
        lifetime = self.credentials.token_seconds
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}
        return web.Response(body=self._encoder.encode(answer), headers=JSON_HEADERS)

    def _owner(self, request: web.BaseRequest, owner_id: str) -> str:
        client = self.credentials.reader(bearer_token(request))
        if not is_owner(client, owner_id):
            raise Refused(403, "FORBIDDEN", "the accounts of another owner")
        return client.owner_id

    def _readable(self, request: web.BaseRequest, account_id: str) -> Record:
        client = self.credentials.reader(bearer_token(request))
        record = self.find(account_id)
        if record is None:
            raise Refused(404, "NOT FOUND", "no such account")
        if not may_read(client, record, account_id):
            raise Refused(403, "FORBIDDEN", "the account of another owner")
        return record

    # Bodies, kept until the account changes

    def _account_body(self, record: Record) -> Body:
        body = record.bodies.get("")
        if body is None:
            account = self._event_lists.served(record.json, record.version)
            if self._paging_tokens and isinstance(account, dict) and "account_id" in account:
                account = {**account, "paging_token": paging_token(record.sequence)}
            body = record.bodies[""] = _with_etag(self._encoder.encode(account))
        return body

    def _connection_body(self, record: Record, name: str) -> Body:
        body = record.bodies.get(name)
        if body is not None:
            return body
        found: object = self._event_lists.served(record.json, record.version)
        for key in ("connections", *name.split("/")):
            found = found.get(key) if isinstance(found, dict) else None
        if found is None or name in NOT_NAMES:
            raise Refused(404, "NOT FOUND", "the account has no such connection")
        body = record.bodies[name] = _with_etag(self._encoder.encode(found))
        return body

    def _page(self, owner_id: str, query: str) -> Body:
        if self._pages_version != self.version:
            self._pages.clear()
            self._pages_version = self.version
        body = self._pages.get((owner_id, query))
        if body is None:
            asked = dict(parse_qsl(query, keep_blank_values=True))
            bodies = (self._account_body(record)[0] for record in page_of(self, owner_id, asked))
            body = self._pages[owner_id, query] = _with_etag(b"[" + b",".join(bodies) + b"]")
        return body


def _with_etag(encoded: bytes) -> Body:
    digest = urlsafe_b64encode(blake2b(encoded, digest_size=20).digest()).decode()
    return encoded, f'W/"{len(encoded):x}-{digest}"'
