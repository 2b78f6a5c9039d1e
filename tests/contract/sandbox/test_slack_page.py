"""The page of the sandbox's Slack, as files and as data."""

import asyncio
import re

import pytest
from aiohttp import ClientSession

from notifier.sandbox import Bot, SandboxSlack

SCRIPTS = ("/page.js", "/blocks.js", "/mrkdwn.js")
SOURCES = ("/", "/page.css", *SCRIPTS)


@pytest.mark.parametrize("path", SOURCES)
async def test_page_files(slack: SandboxSlack, http: ClientSession, path: str) -> None:
    """The page's files are served with a strict policy and name no other host."""
    async with http.get(slack.url + path) as answer:
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(text) > 500
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)[a-z]", text)


@pytest.mark.parametrize("path", SCRIPTS)
async def test_page_never_makes_markup_of_messages(
    slack: SandboxSlack, http: ClientSession, path: str
) -> None:
    """The scripts build nodes and never parse what they were given as HTML."""
    async with http.get(slack.url + path) as answer:
        script = await answer.text()
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"):
        assert banned not in script


async def test_state(slack: SandboxSlack, bot: Bot, http: ClientSession) -> None:
    """The state carries channels, bots and messages with their threads and metadata."""
    channel = slack.channel("sales")
    metadata = {"event_type": "x", "event_payload": {}}
    root = slack.post(channel, bot, text="root", metadata=metadata)
    slack.post(channel, bot, text="reply", thread_ts=root.ts)
    slack.edit(root, text="root 2", blocks=None, metadata=None)
    async with http.get(f"{slack.url}/state.json") as answer:
        state = await answer.json()
    (shown,) = state["channels"]
    assert [message["text"] for message in shown["messages"]] == ["root 2", "reply"]
    assert shown["messages"][0]["reply_count"] == 1
    assert shown["messages"][0]["edits"] == 1
    assert shown["messages"][0]["metadata"] == metadata
    assert state["bots"][0]["name"] == bot.name
    assert bot.token not in str(state)


async def test_changes_are_streamed(slack: SandboxSlack, bot: Bot, http: ClientSession) -> None:
    """The stream tells the version at once and again after every change."""
    async with http.get(f"{slack.url}/changes") as stream:
        assert await stream.content.readline() == f"data: {slack.version}\n".encode()
        await stream.content.readline()
        slack.post(slack.channel("sales"), bot, text="x")
        line = await asyncio.wait_for(stream.content.readline(), 1)
        assert line == f"data: {slack.version}\n".encode()


async def test_other_paths(slack: SandboxSlack, http: ClientSession) -> None:
    """Paths outside the page are not found, and nothing can be posted to it."""
    async with http.get(f"{slack.url}/page/../../secret") as answer:
        assert answer.status == 404
    async with http.post(f"{slack.url}/state.json") as answer:
        assert answer.status == 405
