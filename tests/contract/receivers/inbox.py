"""What the other ends of the receivers do that are no Slack: take whatever is posted, and keep it."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from notifier.sandbox.loopback import LoopbackServer


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken, with everything that came."""

    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body as values."""
        return json.loads(self.body)


class Inbox(LoopbackServer):
    """Takes events as PagerDuty does at /v2/enqueue, and anything anywhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Taken] = []

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.taken.append(Taken(request.path, headers, body))
        if request.path != "/v2/enqueue":
            return web.json_response({"ok": True})
        said = {
            "status": "success",
            "message": "Event processed",
            "dedup_key": json.loads(body)["dedup_key"],
        }
        return web.json_response(said, status=202)
