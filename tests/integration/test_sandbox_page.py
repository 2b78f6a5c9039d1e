"""The page of the sandbox's Slack in a real browser."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from notifier.sandbox import Bot, SandboxSlack

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EVIL = "<!channel> *x* <img src=x onerror=alert(1)> \u202egnitfig\u202c"
pytestmark = pytest.mark.chromium


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """Give a Slack with the channel `sales`."""
    async with SandboxSlack().serve() as served:
        served.add_channel("sales")
        yield served


@pytest.fixture
def bot(slack: SandboxSlack) -> Bot:
    """Give a bot with every scope."""
    return slack.add_bot()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Give a page of a new browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield await browser.new_page(viewport={"width": 1200, "height": 800})
        await browser.close()


async def test_page_shows_messages_and_runs_none(slack: SandboxSlack, bot: Bot, page: Page) -> None:
    """Hostile text stays text, hostile links stay unlinked, new messages and threads appear."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: problems.append(request.url) if not _is_ours(request.url) else None)

    def _is_ours(url: str) -> bool:
        return url.startswith((slack.url, "data:"))

    channel = slack.channel("sales")
    elements = [
        {"type": "text", "text": EVIL},
        {"type": "link", "url": "javascript:alert(2)", "text": "refused"},
        {"type": "link", "url": "https://sign.example.com/1", "text": "sign here"},
    ]
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
    root = slack.post(channel, bot, text="", blocks=blocks)
    slack.post(channel, bot, text="<javascript:alert(3)|refused> *bold* `code` <!here> &lt;b&gt;")
    await page.goto(slack.url)
    first = page.locator(f"[data-ts='{root.ts}']")
    await first.wait_for()
    assert EVIL.replace("\u202e", "").replace("\u202c", "") in (await first.inner_text()).replace(
        "\u202e", ""
    ).replace("\u202c", "")
    assert await page.locator("img").count() == 0
    assert await page.locator("main a").evaluate_all(
        "links => links.map((link) => [link.href, link.rel])"
    ) == [["https://sign.example.com/1", "noopener noreferrer nofollow"]]
    assert await page.locator("main strong").inner_text() == "bold"
    assert await page.locator("main code").inner_text() == "code"

    reply = slack.post(channel, bot, text="a reply", thread_ts=root.ts)
    await page.get_by_text("1 reply").click()
    await page.locator(f"#thread [data-ts='{reply.ts}']").wait_for()
    slack.edit(root, text="changed", blocks=None, metadata=None)
    await page.locator("main").get_by_text("(edited)").wait_for()
    oncall = slack.add_channel("oncall")
    slack.post(oncall, bot, text="trouble")
    await page.locator(".channel-link.unread").get_by_text("oncall").click()
    await page.get_by_text("trouble").wait_for()
    assert problems == []


async def test_permalink_opens_its_thread(slack: SandboxSlack, bot: Bot, page: Page) -> None:
    """A reply's permalink opens the channel and the thread in which it stands."""
    oncall = slack.add_channel("oncall")
    root = slack.post(oncall, bot, text="root")
    reply = slack.post(oncall, bot, text="reply", thread_ts=root.ts)
    path = f"/archives/{oncall.id}/p{reply.ts.replace('.', '')}?thread_ts={root.ts}"
    await page.goto(slack.url + path)
    await page.locator(f"#thread [data-ts='{reply.ts}']").wait_for()
    assert (await page.locator("#channel-name").inner_text()).split() == ["#", "oncall"]
