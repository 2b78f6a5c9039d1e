"""Draws the pictures of the documents: messages of the notifier on the sandbox's page.

python -m tests.picture docs/message.png            real messages, as they come
python -m tests.picture docs/messages-cards.png     one of each kind, from `tests.gallery`
"""

import asyncio
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.async_api import async_playwright

from notifier import app, log
from notifier.receivers.slack.blocks import render
from notifier.receivers.slack.mention import read_mention
from notifier.sandbox import SandboxDintero, SandboxSlack
from notifier.settings import load_settings
from tests.gallery import list_exhibits

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
GALLERIES = {"cards": "card_", "replies": "reply_", "digest": "digest", "incident": "incident"}
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


async def draw(path: Path, *, width: int = 1000, height: int = 1240) -> None:
    """Post the messages of a few merchants and take a picture of the channel."""
    log.configure("error", "console")
    async with SandboxDintero().serve() as dintero, SandboxSlack().serve() as slack:
        bot = slack.add_bot("Dintero Notifier", icon=":bell:")
        sales = slack.add_channel("sales", is_private=True, members=(bot,))
        slack.add_channel("general")
        with tempfile.TemporaryDirectory() as folder:
            settings = load_settings(
                config_path=None,
                cwd=Path(folder),
                environ={
                    "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
                    "NOTIFIER_DINTERO__ACCOUNT_ID": dintero.client.owner_id,
                    "NOTIFIER_DINTERO__CLIENT_ID": dintero.client.client_id,
                    "NOTIFIER_DINTERO__CLIENT_SECRET": dintero.client.client_secret,
                    "NOTIFIER_DINTERO__DISCOVER": "true",
                    "NOTIFIER_SLACK__BASE_URL": slack.base_url,
                    "NOTIFIER_SLACK__BOT_TOKEN": bot.token,
                    "NOTIFIER_SLACK__CHANNEL": sales.id,
                    "NOTIFIER_SLACK__MENTION": "@here",
                    "NOTIFIER_STORE__URL": f"sqlite:///{folder}/notifier.db",
                    "NOTIFIER_SECRETS_DIR": folder,
                },
            )
            dintero.add_account("P10000001", business_name="Fjordbris Sport AS")
            dintero.apply("P10000001", "vipps", lifetime=timedelta(days=14))
            dintero.require_signature("P10000001", "vipps")
            await app.run_once(settings)
            dintero.set_status("P10000001", "vipps", "enabled")
            dintero.add_account("P10000002", business_name="Lilla Blåklockan AB")
            dintero.apply("P10000002", "swish")
            dintero.set_status("P10000002", "swish", "declined", description="Declined after review")
            dintero.add_account("T10000003", business_name="<!channel> *Gratis* Brann AS")
            dintero.apply("T10000003", "vipps")
            dintero.require_signature("T10000003", "vipps", link="javascript:alert(1)")
            await app.run_once(settings)
            dintero.add_account("P10000004", business_name="Trolltind Kaffebrenneri AS")
            dintero.apply("P10000004", "vipps", lifetime=timedelta(days=14))
            dintero.require_signature("P10000004", "vipps")
            await app.run_once(settings)
        await _take(f"{slack.url}/#{sales.id}", path, count=5, width=width, height=height)


async def draw_gallery(path: Path, prefix: str, *, width: int = 1000, height: int = 2000) -> None:
    """Post one message of each kind whose name begins so, and take a picture of them."""
    async with SandboxSlack().serve() as slack:
        bot = slack.add_bot("Dintero Notifier", icon=":bell:")
        channel = slack.add_channel(prefix, is_private=True, members=(bot,))
        shown = [one for one in list_exhibits() if one.name.startswith(prefix)]
        for one in shown:
            post = render(one.message, read_mention("@here"))
            slack.post(channel, bot, text=post.text, blocks=list(post.blocks), metadata=post.metadata)
        await _take(f"{slack.url}/#{channel.id}", path, count=len(shown), width=width, height=height)


async def _take(url: str, path: Path, *, count: int, width: int, height: int) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = await browser.new_page(viewport={"width": width, "height": height})
        await page.goto(url)
        await page.locator("[data-ts]").nth(count - 1).wait_for()
        await page.screenshot(path=path)
        await browser.close()


def main(path: Path, *size: int) -> None:
    """Draw what the file's name asks for; `size` is the width and the height, in pixels."""
    bounds = dict(zip(("width", "height"), size, strict=False))
    _, dash, prefix = path.stem.partition("-")
    asyncio.run(draw_gallery(path, GALLERIES[prefix], **bounds) if dash else draw(path, **bounds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
