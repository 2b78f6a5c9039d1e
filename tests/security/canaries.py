"""Secrets and a link that are found again in whatever form they come out, and servers that give them away."""

import re
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from tests.security.conftest import CLIENT_ID, CLIENT_SECRET, LINK, Handler

STORE_KEY: Final = "CANARY" * 7 + "A="
ACCESS_TOKEN: Final = "eyJhbGciOiJub25lIn0.CANARYaccess"
PROXY: Final = "http://user:CANARYproxy@127.0.0.1:1"

_PAIR: Final = f"{CLIENT_ID}:{CLIENT_SECRET}".encode()
_FORMS: Final = ("canary", b64encode(_PAIR).decode(), urlsafe_b64encode(_PAIR).decode(), quote(LINK, safe=""))
_FOUND: Final = re.compile("|".join(re.escape(form) for form in _FORMS), re.IGNORECASE)

Answer = Callable[[str, str], web.Response]
"""Makes an answer of the request's own `Authorization` (or its path, where that is secret) and body."""


def find(text: str) -> str:
    """Return what stands around the first secret in a text, "" where there is none."""
    found = _FOUND.search(text)
    return text[max(0, found.start() - 200) : found.end() + 60] if found else ""


def read_columns(store: Path) -> str:
    """Return everything in a store but the column of the links."""
    told: list[str] = []
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in names:
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608
            columns = [column[0] for column in rows.description]
            for row in rows:
                told += [
                    f"{table}.{column}: {value}"
                    for column, value in zip(columns, row, strict=True)
                    if (table, column) != ("events", "link")
                ]
    return "\n".join(told)


def echo(answer: Answer) -> Handler:
    """Answer every request with what was secret in it."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode(errors="replace")
        secret = request.headers.get("Authorization") or request.path
        return answer(secret, body)

    return handle


def dintero_error(status: int) -> Answer:
    """Answer as Dintero does when it refuses, with the secret wherever a text can be."""

    def make(secret: str, body: str) -> web.Response:
        error = {
            "code": secret,
            "message": f"{secret} {body} {CLIENT_SECRET} {LINK}",
            "errors": [secret, LINK],
        }
        headers = {"X-Echo": secret, "Retry-After": "0", "Location": f"https://{secret[-6:]}.example/{LINK}"}
        return web.json_response({"error": error}, status=status, reason=secret, headers=headers)

    return make


def slack_error(status: int) -> Answer:
    """Answer as Slack does when it refuses, with the secret wherever a text can be."""

    def make(secret: str, body: str) -> web.Response:
        said = {"ok": False, "error": secret, "needed": secret, "provided": secret, "warning": body}
        headers = {"X-Echo": secret, "Retry-After": "0", "X-OAuth-Scopes": secret}
        return web.json_response(said, status=status, reason=secret, headers=headers)

    return make


def plain(status: int) -> Answer:
    """Answer with a page that quotes the request, as proxies do."""

    def make(secret: str, body: str) -> web.Response:
        text = f"<h1>{secret}</h1>{body} {LINK}"
        return web.Response(status=status, text=text, reason=secret, content_type="text/html")

    return make


def broken(_secret: str, body: str) -> web.Response:
    """Answer 200 with JSON that breaks off inside a secret."""
    return web.Response(
        text=f'{{"status": "{LINK}", "x": {body} "{CLIENT_SECRET}', content_type="application/json"
    )


def misshapen(secret: str, _body: str) -> web.Response:
    """Answer 200 with JSON of another shape that is all secrets."""
    return web.json_response([secret, LINK, {"access_token": {"x": secret}, "ok": secret, "error": LINK}])
