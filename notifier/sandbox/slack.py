"""A Slack to run against on loopback: the Web API, incoming webhooks and a page to look at.

    /api/{method}                       Web API; JSON, form or query arguments, bearer token
    /services/T…/B…/…                   incoming webhooks, answers in plain text
    /                                   the workspace as Slack draws it
    /state.json, /changes               the same as data, and a stream that tells of changes

What it holds is a `Workspace`; `SandboxSlack` is that workspace, served.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from time import monotonic
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web

from notifier.sandbox.causing import Sleep
from notifier.sandbox.conversation import Bot, Channel, Json, Message, Webhook
from notifier.sandbox.fault_kinds import JSON_TYPE, ok_false
from notifier.sandbox.faults import Faults
from notifier.sandbox.loopback import Clock, LoopbackServer, Monotonic, bearer_token, utc_now
from notifier.sandbox.slack_calls import Call, Refused
from notifier.sandbox.slack_methods import METHODS
from notifier.sandbox.slack_page import page_answer
from notifier.sandbox.slack_posting import checked_blocks
from notifier.sandbox.workspace import Workspace

KEPT_POSTS = 200_000
PLAIN_TEXT = "text/plain; charset=utf-8"
WEBHOOK_STATUSES: Mapping[str, int] = {
    "channel_is_archived": 410,
    "channel_not_found": 404,
    "no_service": 404,
    "action_prohibited": 403,
    "rollup_error": 500,
    "ratelimited": 429,
}
"""HTTP status of a webhook's plain-text answer; 400 for what is not here."""


@dataclass(frozen=True, slots=True)
class Post:
    """A request to post or to edit, as it arrived.

    Attributes:
        route: `chat.postMessage`, `chat.update` or `webhook`.
        channel: the channel as the request names it, a webhook's channel id.
        body: the arguments, decoded.
        arrived_at: monotonic seconds when the request was read.
        ts: the message's `ts`, or None if it was refused.
        error: why it was refused, or None.
    """

    route: str
    channel: str
    body: Mapping[str, object]
    arrived_at: float
    ts: str | None
    error: str | None


class SandboxSlack(Workspace, LoopbackServer):
    """Slack on loopback. See `Workspace` for what it holds and how to change it.

    Attributes:
        posts_per_second: what a channel takes before it answers 429; None for no limit.
        burst: how many messages a channel takes at once under that limit.
        limit_as_ok_false: whether a limit is told as HTTP 200 with `ok: false` instead of 429.
        history_delay_seconds: how long history and replies hide a new message.
        posts: every request to post or edit with its arrival time, oldest first.
    """

    def __init__(
        self,
        *,
        posts_per_second: float | None = None,
        burst: int = 1,
        limit_as_ok_false: bool = False,
        history_delay_seconds: float = 0.0,
        faults: Faults | None = None,
        clock: Clock = utc_now,
        monotonic_seconds: Monotonic = monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Start with an empty workspace."""
        Workspace.__init__(self, clock, monotonic_seconds)
        LoopbackServer.__init__(
            self, faults=faults, clock=clock, monotonic_seconds=monotonic_seconds, sleep=sleep
        )
        self.posts_per_second = posts_per_second
        self.burst = burst
        self.limit_as_ok_false = limit_as_ok_false
        self.history_delay_seconds = history_delay_seconds
        self.posts: deque[Post] = deque(maxlen=KEPT_POSTS)
        self._free_at: dict[str, float] = {}
        self._encoder = msgspec.json.Encoder()

    @property
    def base_url(self) -> str:
        """What stands for `https://slack.com/api/` (with the slash, as slack_sdk wants it)."""
        return f"{self.url}/api/"

    def webhook_url(self, webhook: Webhook) -> str:
        """Return the whole address of an incoming webhook."""
        return f"{self.url}{webhook.path}"

    def fail(
        self, method: str, error: str, *, times: int | None = 1, after_effect: bool = False, **fields: object
    ) -> None:
        """Answer the next calls of a method with `ok: false`, perhaps after doing them."""
        fault = ok_false(error, after_effect=after_effect, **fields)
        self.faults.add(fault.on("*", rf"^/api/{method}(\?|$)", times=times))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/api/"):
            response: web.StreamResponse = await self._api(request, path.removeprefix("/api/"))
        elif path.startswith("/services/"):
            response = await self._webhook(request, path)
        else:
            self.counts["page"] += 1
            response = await page_answer(self, request)
        if not response.prepared:
            response.headers[hdrs.DATE] = format_datetime(self._clock(), usegmt=True)
        return response

    # The Web API

    async def _api(self, request: web.BaseRequest, method: str) -> web.Response:
        self.counts[method if method in METHODS or method == "api.test" else "unknown"] += 1
        arrived_at = self._monotonic_seconds()
        arguments: Mapping[str, object] = {}
        bot: Bot | None = None
        headers: dict[str, str] = {hdrs.CONTENT_TYPE: JSON_TYPE}
        status, error = 200, None
        try:
            arguments = await _arguments(request)
            if method == "api.test":
                answer: Json = _api_test(arguments)
            else:
                bot = self._bot(request, arguments)
                headers["X-OAuth-Scopes"] = ",".join(bot.scopes)
                answer = {"ok": True, **self._called(method, bot, arguments)}
        except Refused as refused:
            error = refused.error
            answer = {"ok": False, "error": error, **refused.fields}
            if error == "ratelimited" and not self.limit_as_ok_false:
                status = 429
                headers[hdrs.RETRY_AFTER] = str(refused.fields["retry_after"])
        if method in ("chat.postMessage", "chat.update"):
            named = str(arguments.get("channel", ""))
            self.posts.append(Post(method, named, arguments, arrived_at, answer.get("ts"), error))
        return web.Response(status=status, headers=headers, body=self._encoder.encode(answer))

    def _called(self, method: str, bot: Bot, arguments: Mapping[str, object]) -> Json:
        function = METHODS.get(method)
        if function is None:
            raise Refused("unknown_method", req_method=method)
        if method == "chat.postMessage":
            channel = self.find_channel(str(arguments.get("channel", "")))
            if channel is not None:
                self._pace(channel)
        return function(Call(self, bot, arguments, self.url, self._shows))

    def _bot(self, request: web.BaseRequest, arguments: Mapping[str, object]) -> Bot:
        token = bearer_token(request) or str(arguments.get("token") or "")
        if not token:
            raise Refused("not_authed")
        if token in self.refused_tokens:
            raise Refused(self.refused_tokens[token])
        bot = self.bot_of_token(token)
        if bot is None:
            raise Refused("invalid_auth")
        return bot

    def _shows(self, message: Message) -> bool:
        return self._monotonic_seconds() - message.posted_at >= self.history_delay_seconds

    def _pace(self, channel: Channel) -> None:
        """Refuse a post that comes too early for its channel's rate."""
        if self.posts_per_second is None:
            return
        now = self._monotonic_seconds()
        interval_seconds = 1 / self.posts_per_second
        free_at = self._free_at.get(channel.id, now)
        wait_seconds = free_at - (self.burst - 1) * interval_seconds - now
        if wait_seconds > 0:
            raise Refused("ratelimited", retry_after=max(1, math.ceil(wait_seconds)))
        self._free_at[channel.id] = max(free_at, now) + interval_seconds

    # Incoming webhooks

    async def _webhook(self, request: web.BaseRequest, path: str) -> web.Response:
        self.counts["webhook"] += 1
        arrived_at = self._monotonic_seconds()
        webhook = self.webhooks.get(path)
        body: Mapping[str, object] = {}
        ts: str | None = None
        headers: dict[str, str] = {hdrs.CONTENT_TYPE: PLAIN_TEXT}
        status, error = 200, None
        try:
            body = await _webhook_body(request)
            ts = self._post_by_webhook(webhook, body).ts
        except Refused as refused:
            error = refused.error
            status = WEBHOOK_STATUSES.get(error, 400)
            if error == "ratelimited":
                headers[hdrs.RETRY_AFTER] = str(refused.fields["retry_after"])
        named = webhook.channel_id if webhook is not None else ""
        self.posts.append(Post("webhook", named, body, arrived_at, ts, error))
        return web.Response(status=status, headers=headers, text=error or "ok")

    def _post_by_webhook(self, webhook: Webhook | None, body: Mapping[str, object]) -> Message:
        if webhook is None:
            raise Refused("no_service")
        channel = self.channels.get(webhook.channel_id)
        if channel is None:
            raise Refused("channel_not_found")
        if channel.is_archived:
            raise Refused("channel_is_archived")
        if channel.is_restricted:
            raise Refused("action_prohibited")
        self._pace(channel)
        text, blocks = body.get("text"), checked_blocks(body.get("blocks"))
        if not text and not blocks:
            raise Refused("no_text")
        bot = self.bots[webhook.bot_id]
        return self.post(channel, bot, text=str(text or ""), blocks=blocks, is_webhook=True)


def _api_test(arguments: Mapping[str, object]) -> Json:
    if "error" in arguments:
        raise Refused(str(arguments["error"]), args=dict(arguments))
    return {"ok": True, "args": dict(arguments)}


async def _arguments(request: web.BaseRequest) -> Mapping[str, object]:
    """Return the arguments of a call from its query and its body (JSON or form)."""
    arguments: dict[str, object] = dict(request.query)
    body = await request.read()
    if not body:
        return arguments
    if request.content_type == "application/json":
        try:
            arguments.update(msgspec.json.decode(body, type=dict[str, object]))
        except msgspec.DecodeError:
            raise Refused("invalid_json") from None
    else:
        arguments.update(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return arguments


async def _webhook_body(request: web.BaseRequest) -> Mapping[str, object]:
    body = await request.read()
    if request.content_type == "application/x-www-form-urlencoded":
        body = dict(parse_qsl(body.decode(errors="replace"))).get("payload", "").encode()
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        raise Refused("invalid_payload") from None
