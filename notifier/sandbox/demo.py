"""`notifier demo`: the real notifier between a Dintero and a Slack on this machine, with nothing to set up.

Everything lives in memory and in a folder that goes when the demo ends; no account anywhere is touched.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Final

from notifier import app, log
from notifier.sandbox.dintero import SandboxDintero
from notifier.sandbox.merchants import play, steps
from notifier.sandbox.slack import SandboxSlack
from notifier.settings import load_settings

SPEED: Final = 1.0
SEED: Final = 7
_SETTLE_SECONDS: Final = 8.0
"""How long the end waits, at the most, until Slack has all that Dintero said; of a short demo half of it."""


async def show(*, seconds: float | None, port: int) -> int:
    """Run the demo until Ctrl-C, or for `seconds`; return the exit code."""
    log.configure("warning", "console")
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="notifier-demo-"))
        dintero = await stack.enter_async_context(SandboxDintero().serve())
        slack = await stack.enter_async_context(_serve_page(SandboxSlack(), port))
        settings = load_settings(
            config_path=None, environ=_make_environment(dintero, slack, folder), cwd=Path(folder)
        )
        _say("A Dintero, a Slack and the notifier between them run on this machine. Nothing else is touched.")
        _say(f"Look at Slack here:  {slack.url}/")
        _say(
            "End it with Ctrl-C.\n" if seconds is None else f"It ends by itself after {seconds:g} seconds.\n"
        )
        running = asyncio.ensure_future(app.run(settings, stopping))
        living = asyncio.ensure_future(_live(dintero, stopping, seconds))
        telling = asyncio.ensure_future(_tell_posts(slack))
        await asyncio.wait((running, living), return_when=asyncio.FIRST_COMPLETED)
        if seconds is not None:
            await _settle(slack, stopping, _choose_rest_seconds(seconds))
        stopping.set()
        await asyncio.gather(running, living)
        telling.cancel()
        await asyncio.wait({telling})
        _summarise(dintero, slack)
    return 0


async def _live(dintero: SandboxDintero, stopping: asyncio.Event, seconds: float | None) -> None:
    """Let merchants live until the demo stops; with `seconds`, until it is time to settle."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    if seconds is not None:
        loop.call_later(seconds - _choose_rest_seconds(seconds), over.set)
    waiting = asyncio.ensure_future(stopping.wait())
    waiting.add_done_callback(lambda _: over.set())
    try:
        await play(
            steps(SEED),
            dintero,
            speed=SPEED,
            tell=lambda line: _say(f"Dintero  {line}", clock=True),
            stop=over,
        )
        await over.wait()
    finally:
        waiting.cancel()


def _choose_rest_seconds(seconds: float) -> float:
    """Choose for how long merchants rest at the end of a demo: in the rest of it they live."""
    return min(_SETTLE_SECONDS, seconds / 2)


async def _settle(slack: SandboxSlack, stopping: asyncio.Event, seconds: float) -> None:
    """Wait until nothing has been said for a while, at most for the time that was kept for it."""
    _say("The merchants rest; Slack gets what is left.", clock=True)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and not stopping.is_set():
        count = len(slack.posts)
        await asyncio.sleep(2.5)
        if len(slack.posts) == count:
            return


async def _tell_posts(slack: SandboxSlack) -> None:
    seen = 0
    version = 0
    while True:
        version = await slack.wait_for_change(version)
        new = tuple(slack.posts)[seen:]
        seen += len(new)
        for post in new:
            if post.error is None:
                channel = slack.channel(post.channel).name
                lines = unescape(str(post.body.get("text", ""))).splitlines()[:2]
                _say(f"Slack    #{channel}: {' — '.join(lines)}", clock=True)


def _summarise(dintero: SandboxDintero, slack: SandboxSlack) -> None:
    merchants, events = len(dintero.account_ids()), len(dintero.truth())
    requests = sum(dintero.counts.values())
    _say(f"\nDintero recorded {_count(events, 'event')} of {_count(merchants, 'merchant')},")
    _say(f"and was asked {_count(requests, 'time')}.")
    for name in ("sales", "oncall"):
        messages = slack.messages(name)
        told = Counter(
            str(one.metadata["event_payload"]["notification_id"])
            for one in messages
            if one.metadata is not None
        )
        doubled = sum(count - 1 for count in told.values())
        _say(f"#{name} holds {_count(len(messages), 'message')}, {doubled} of them twice.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@asynccontextmanager
async def _serve_page(slack: SandboxSlack, port: int) -> AsyncIterator[SandboxSlack]:
    """Serve Slack at a port, or at a free one when that is taken."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(slack.serve(port=port))
        except OSError:
            _say(f"Port {port} is taken, another one is used.")
            await stack.enter_async_context(slack.serve())
        yield slack


def _make_environment(dintero: SandboxDintero, slack: SandboxSlack, folder: str) -> Mapping[str, str]:
    bot = slack.add_bot("Dintero Notifier", icon=":bell:")
    sales = slack.add_channel("sales", is_private=True, members=(bot,))
    oncall = slack.add_channel("oncall", is_private=True, members=(bot,))
    client = dintero.client
    return {
        "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
        "NOTIFIER_DINTERO__ACCOUNT_ID": client.owner_id,
        "NOTIFIER_DINTERO__CLIENT_ID": client.client_id,
        "NOTIFIER_DINTERO__CLIENT_SECRET": client.client_secret,
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_POLL__INTERVAL_SECONDS": "1",
        "NOTIFIER_POLL__QUIET_INTERVAL_SECONDS": "1",
        "NOTIFIER_SLACK__BASE_URL": slack.base_url,
        "NOTIFIER_SLACK__BOT_TOKEN": bot.token,
        "NOTIFIER_RECEIVERS__SALES__KIND": "slack",
        "NOTIFIER_RECEIVERS__SALES__CHANNEL": sales.id,
        "NOTIFIER_RECEIVERS__ONCALL__KIND": "slack",
        "NOTIFIER_RECEIVERS__ONCALL__CHANNEL": oncall.id,
        "NOTIFIER_RECEIVERS__ONCALL__MENTION": "@here",
        "NOTIFIER_STORE__URL": f"sqlite:///{folder}/notifier.db",
        "NOTIFIER_SECRETS_DIR": folder,
    }


def _say(line: str, *, clock: bool = False) -> None:
    when = f"{datetime.now().astimezone():%H:%M:%S}  " if clock else ""
    sys.stdout.write(f"{when}{line}\n")
    sys.stdout.flush()
