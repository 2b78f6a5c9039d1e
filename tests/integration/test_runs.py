"""A whole run between a Dintero and a Slack while the store fails: a sentence, and nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from notifier import app
from notifier.sandbox import SandboxDintero, SandboxSlack, delay
from notifier.service import lane
from notifier.settings import Settings, load_settings
from notifier.store.report import read_status
from tests.integration.conftest import held, make_url, opened

ACCOUNT = "P12345678"


@pytest.fixture
async def dintero() -> AsyncIterator[SandboxDintero]:
    """Give a Dintero where somebody is asked for a signature."""
    async with SandboxDintero().serve() as server:
        server.add_account(ACCOUNT)
        server.apply(ACCOUNT, "vipps")
        server.require_signature(ACCOUNT, "vipps")
        yield server


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """Give a Slack with the channel #sales."""
    async with SandboxSlack().serve() as server:
        server.add_channel("sales")
        yield server


@pytest.fixture
def settings(dintero: SandboxDintero, slack: SandboxSlack, path: Path) -> Settings:
    """Give the settings for a run between the two, by webhook."""
    environ = {
        "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
        "NOTIFIER_DINTERO__ACCOUNT_ID": dintero.client.owner_id,
        "NOTIFIER_DINTERO__CLIENT_ID": dintero.client.client_id,
        "NOTIFIER_DINTERO__CLIENT_SECRET": dintero.client.client_secret,
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_SLACK__WEBHOOK_URL": slack.webhook_url(slack.add_webhook("sales")),
        "NOTIFIER_STORE__URL": make_url(path),
    }
    return load_settings(config_path=None, environ=environ, cwd=path.parent)


async def _until(condition: Callable[[], object]) -> None:
    """Wait for a condition, for no longer than twenty seconds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the sandbox rings no bell
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_fails_while_dintero_is_read_is_a_problem_of_the_run(
    settings: Settings, dintero: SandboxDintero, slack: SandboxSlack, path: Path
) -> None:
    """Locked after the start, the run must end by itself and say so; the next one tells everything."""
    with opened(path):
        pass
    dintero.faults.add(delay(0.5).on("GET", "/management/accounts"))
    run = asyncio.ensure_future(app.run_once(settings))
    await _until(lambda: dintero.faults.caused["delay"])
    with held(path):
        report = await asyncio.wait_for(run, 20)
    assert report.problems
    assert any("is locked by another program" in problem for problem in report.problems), report.problems
    assert slack.messages("sales") == []
    assert (report.tally.polls, report.tally.failed) == (1, 1)
    again = await app.run_once(settings)
    assert (again.problems, again.tally.polls, again.tally.notifications) == ((), 1, 1)
    assert len(slack.messages("sales")) == 1


@pytest.mark.usefixtures("impatient")
async def test_the_outcome_of_a_delivery_waits_for_the_store(
    settings: Settings, slack: SandboxSlack, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked while Slack takes the message, the run must wait and record it: nobody sends it again."""
    monkeypatch.setattr(lane, "STORE_RETRY_SECONDS", 0.05)
    slack.faults.add(delay(0.2).on("POST", "/services/"))
    with opened(path):
        pass
    with capture_logs() as logs:
        run = asyncio.ensure_future(app.run_once(settings))
        await _until(lambda: slack.faults.caused["delay"])
        with held(path) as let_go:
            await _until(lambda: any(line["log_level"] == "error" for line in logs))
            assert len(slack.messages("sales")) == 1
            assert not run.done()
            let_go()
            report = await asyncio.wait_for(run, 20)
    assert (report.problems, report.delivered) == ((), 1)
    with opened(path) as store:
        assert store.read_now(read_status).outbox == {"delivered": 1}
    assert len(slack.messages("sales")) == 1
