"""The page that shows the sandbox's workspace, and the same as data.

The page is a few static files without any outside request; what messages hold reaches it
as JSON only. A stream of Server-Sent Events tells it when to read again.
"""

from contextlib import suppress
from functools import cache
from importlib.resources import files

import msgspec
from aiohttp import hdrs, web

from notifier.sandbox.conversation import Channel, Json, Message
from notifier.sandbox.fault_kinds import JSON_TYPE
from notifier.sandbox.slack_json import message_json
from notifier.sandbox.workspace import Workspace

SHOWN_MESSAGES = 300
SCRIPT = "text/javascript; charset=utf-8"
PAGE_FILES = {
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", SCRIPT),
    "/blocks.js": ("blocks.js", SCRIPT),
    "/mrkdwn.js": ("mrkdwn.js", SCRIPT),
}
INDEX = ("index.html", "text/html; charset=utf-8")
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


async def page_answer(workspace: Workspace, request: web.BaseRequest) -> web.StreamResponse:
    """Answer `/`, a permalink, the page's files, `/state.json` and `/changes`."""
    path = request.path
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, text="method_not_allowed")
    if path == "/state.json":
        body = msgspec.json.encode(state(workspace))
        return web.Response(body=body, headers={**PAGE_HEADERS, hdrs.CONTENT_TYPE: JSON_TYPE})
    if path == "/changes":
        return await _changes(workspace, request)
    if path == "/" or path.startswith("/archives/"):
        name, content_type = INDEX
    elif path in PAGE_FILES:
        name, content_type = PAGE_FILES[path]
    else:
        return web.Response(status=404, text="not_found")
    return web.Response(body=_page_file(name), headers={**PAGE_HEADERS, hdrs.CONTENT_TYPE: content_type})


def state(workspace: Workspace) -> Json:
    """Return the workspace as the page shows it.

    `team.name`, `version`, `bots[]` (`bot_id`, `user_id`, `name`, `icon`), `channels[]`
    with the newest `messages[]` (Slack's message objects with metadata, replies included,
    oldest first) and `hidden_messages`, how many older ones are left out.
    """
    return {
        "team": {"name": workspace.name},
        "version": workspace.version,
        "bots": [
            {"bot_id": bot.bot_id, "user_id": bot.user_id, "name": bot.name, "icon": bot.icon}
            for bot in workspace.bots.values()
        ],
        "channels": [_channel(workspace, channel) for channel in workspace.channels.values()],
    }


def _channel(workspace: Workspace, channel: Channel) -> Json:
    messages = list(channel.messages.values())
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_ext_shared": channel.is_ext_shared,
        "messages": [_message(workspace, message) for message in messages[-SHOWN_MESSAGES:]],
        "hidden_messages": max(0, len(messages) - SHOWN_MESSAGES),
    }


def _message(workspace: Workspace, message: Message) -> Json:
    shown = message_json(workspace, message, with_metadata=True)
    return {**shown, "edits": message.edits}


async def _changes(workspace: Workspace, request: web.BaseRequest) -> web.StreamResponse:
    """Send the workspace's version whenever it changes, until the reader goes."""
    headers = {**PAGE_HEADERS, hdrs.CONTENT_TYPE: "text/event-stream"}
    stream = web.StreamResponse(headers=headers)
    await stream.prepare(request)
    seen = -1
    # A reader that has gone is no fault.
    with suppress(ConnectionResetError):
        while True:
            seen = await workspace.wait_for_change(seen)
            await stream.write(f"data: {seen}\n\n".encode())
    return stream


@cache
def _page_file(name: str) -> bytes:
    return (files("notifier.sandbox") / "page" / name).read_bytes()
