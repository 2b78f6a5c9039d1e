"""A month by a clock that waits for the program: the real service over real HTTP, to the last word."""

import asyncio
import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from zoneinfo import ZoneInfo

from notifier import app
from notifier.dintero import pace
from notifier.sandbox import Message, SandboxDintero, SandboxSlack
from notifier.sandbox.credentials import Credentials
from notifier.sandbox.loopback import utc_now
from notifier.settings import load_settings
from tests.e2e.conftest import headline
from tests.e2e.stepped_clock import SteppedClock, run_by

if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN = datetime(2026, 12, 7, 8, 0, tzinfo=UTC)
"""A Monday; Christmas is in the month."""
STEP_SECONDS = 7200.0
"""So often it is looked at the clock; the program itself would do it each quarter of a minute."""
LATEST = timedelta(hours=2)
"""How much later than it was due a message may stand there: such a look."""

OSLO = ZoneInfo("Europe/Oslo")
HOLIDAYS = {(12, 25), (12, 26), (1, 1)}

ASKED, SIGNED = "Signature needed", "Signed: the connection is enabled"
REMINDER = "Reminder: the signature is still missing"
SOON, EXPIRED = "The application expires soon, and is not signed", "The application expired unsigned"
NEW_LINK = "New signature link: the earlier one may no longer work"
DECLINED, FAILED = "The application was declined", "The connection failed"
WITHDRAWN = "The connection was withdrawn"


async def live(dintero: SandboxDintero, clock: SteppedClock) -> None:
    """Let eight merchants live through the month."""
    names = ("quick", "slow", "never", "declined", "failed", "again", "relinked", "late")
    accounts = {name: f"P2000000{number}" for number, name in enumerate(names)}
    for name, account in accounts.items():
        dintero.add_account(account, business_name=name)
        dintero.apply(account, "vipps", lifetime=timedelta(days=60 if name == "slow" else 14))
    await clock.until(0.1)
    for account in accounts.values():
        dintero.require_signature(account, "vipps")
    steps: list[tuple[float, Callable[[], object]]] = [
        (0.3, lambda: dintero.set_status(accounts["quick"], "vipps", "enabled")),
        (2.6, lambda: dintero.set_status(accounts["failed"], "vipps", "failed")),
        (4.2, lambda: dintero.set_status(accounts["declined"], "vipps", "declined")),
        (4.3, lambda: dintero.replace_link(accounts["relinked"], "vipps")),
        (7.1, lambda: dintero.restart_signup(accounts["declined"], "vipps")),
        (7.2, lambda: dintero.require_signature(accounts["declined"], "vipps")),
        (7.5, lambda: dintero.set_status(accounts["declined"], "vipps", "enabled")),
        (8.2, lambda: dintero.set_status(accounts["relinked"], "vipps", "enabled")),
        (9.1, lambda: dintero.remove_connection(accounts["again"], "vipps")),
        (16.2, lambda: dintero.set_status(accounts["late"], "vipps", "enabled")),
        (29.2, lambda: dintero.set_status(accounts["slow"], "vipps", "enabled")),
    ]
    for day, step in steps:
        await clock.until(day)
        step()
    await clock.until(31)


def test_a_month_of_signups_is_one_message_each(memory_path: Path) -> None:
    """Each signup must have one card with the truth on it, reminders in business hours, and no more."""
    clock = SteppedClock(BEGIN, STEP_SECONDS)
    # Answers take real time: a busy machine is not a busy Dintero, which would be asked less often.
    with patch.object(pace, "SLOW_SECONDS", math.inf):
        run_by(clock, pass_month(clock, memory_path))


async def pass_month(clock: SteppedClock, folder: Path) -> None:
    """Serve for a month, and look at what was said."""
    async with (
        SandboxDintero(clock=clock.now).serve() as dintero,
        SandboxSlack(clock=clock.now).serve() as slack,
    ):
        dintero.credentials = Credentials(utc_now)
        settings = load_settings(
            config_path=None, environ=make_environment(dintero, slack, folder), cwd=folder
        )
        stopping = asyncio.Event()
        running = asyncio.ensure_future(app.run(settings, stopping, clock))
        await live(dintero, clock)
        stopping.set()
        await running
        judge(slack)


def make_environment(dintero: SandboxDintero, slack: SandboxSlack, folder: Path) -> dict[str, str]:
    """Return the settings: one channel for each, everything under a partner, a look some times a day."""
    bot = slack.add_bot()
    sales, oncall = (slack.add_channel(name, is_private=True, members=(bot,)) for name in ("sales", "oncall"))
    client = dintero.credentials.add_client("month", "secret-of-the-month", dintero.owner_id)
    del client
    return {
        "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
        "NOTIFIER_DINTERO__ACCOUNT_ID": dintero.owner_id,
        "NOTIFIER_DINTERO__CLIENT_ID": "month",
        "NOTIFIER_DINTERO__CLIENT_SECRET": "secret-of-the-month",
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_POLL__INTERVAL_SECONDS": "7200",
        "NOTIFIER_POLL__QUIET_INTERVAL_SECONDS": "7200",
        "NOTIFIER_SLACK__BASE_URL": slack.base_url,
        "NOTIFIER_SLACK__BOT_TOKEN": bot.token,
        "NOTIFIER_RECEIVERS__SALES__KIND": "slack",
        "NOTIFIER_RECEIVERS__SALES__CHANNEL": sales.id,
        "NOTIFIER_RECEIVERS__ONCALL__KIND": "slack",
        "NOTIFIER_RECEIVERS__ONCALL__CHANNEL": oncall.id,
        "NOTIFIER_RECEIVERS__ONCALL__MENTION": "@here",
        "NOTIFIER_STORE__URL": f"sqlite:///{folder}/month.db",
        "NOTIFIER_SECRETS_DIR": str(folder),
    }


def judge(slack: SandboxSlack) -> None:
    """Hold what stands in the channels against what should."""
    said = read_threads(slack, "sales")
    assert said == {
        "quick": [[SIGNED, SIGNED]],
        "slow": [[SIGNED, *[REMINDER] * 5, SIGNED]],
        "never": [[EXPIRED, *[REMINDER] * 3, SOON, EXPIRED]],
        "declined": [[DECLINED, *[REMINDER] * 2, DECLINED], [SIGNED, SIGNED]],
        "failed": [[FAILED, *[REMINDER] * 2, FAILED]],
        "again": [[WITHDRAWN, *[REMINDER] * 3, WITHDRAWN]],
        "relinked": [[SIGNED, *[REMINDER] * 2, NEW_LINK, REMINDER, SIGNED]],
        "late": [[SIGNED, *[REMINDER] * 3, SOON, EXPIRED, SIGNED]],
    }
    oncall = read_threads(slack, "oncall")
    assert sorted(oncall) == ["declined", "failed"]
    assert oncall["failed"] == [["The connection failed <!here>"]]
    for message in slack.messages("sales"):
        if headline(message) in {REMINDER, SOON}:
            check_business_hours(message)
        assert "Open the signature link" not in message.shown_text


def read_threads(slack: SandboxSlack, channel: str) -> dict[str, list[list[str]]]:
    """Return what stands about each merchant: a list for each message with its thread, the oldest first."""
    threads: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for message in slack.messages(channel):
        about = next((line for line in message.text.splitlines() if line.startswith("For ")), "")
        if not about:
            continue  # The notifier says something of itself.
        name = about.split()[1]
        threads[name].setdefault(message.thread_ts or message.ts, []).append(headline(message))
    return {name: list(each.values()) for name, each in threads.items()}


def check_business_hours(message: Message) -> None:
    """Fail if a reminder stands outside of business hours, but for what a look costs."""
    at = datetime.fromtimestamp(float(message.ts), UTC)
    times = [(at - LATEST).astimezone(OSLO), at.astimezone(OSLO)]
    good = [
        time
        for time in times
        if time.weekday() < 5 and 8 <= time.hour < 16 and (time.month, time.day) not in HOLIDAYS
    ]
    assert good, f"a reminder at {at.astimezone(OSLO)}"
