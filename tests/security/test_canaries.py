"""No secret and no signature link comes out anywhere but where it belongs, whatever goes wrong."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from notifier import cli
from notifier.dintero.credentials import Credentials
from tests.security.canaries import (
    ACCESS_TOKEN,
    PROXY,
    STORE_KEY,
    Answer,
    broken,
    dintero_error,
    echo,
    find,
    misshapen,
    plain,
    read_columns,
    slack_error,
)
from tests.security.conftest import ACCOUNT, BOT_TOKEN, CLIENT_SECRET, LINK, Stage, serve

STATUSES = (200, 302, 401, 403, 404, 429, 500)


@pytest.fixture(autouse=True)
def _canary_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox's Dintero give a token that can be found again."""
    monkeypatch.setattr("notifier.sandbox.credentials.secrets.token_urlsafe", lambda _size: ACCESS_TOKEN)
    monkeypatch.setattr("notifier.service.engine.ONCE_PATIENCE_SECONDS", 0.0)


class Terminal:
    """Runs commands of the product in this process, and keeps all that they print."""

    def __init__(self, stage: Stage, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self._capsys = capsys
        self._patch = patch
        self.code = 0

    async def run(self, *arguments: str, **changed: str) -> str:
        """Run a command, and return what it printed; fails where that holds a secret."""
        for name in [name for name in os.environ if name.startswith("NOTIFIER_")]:
            self._patch.delenv(name)
        for name, text in self.stage.set({"STORE__KEY": STORE_KEY, **changed}).items():
            self._patch.setenv(name, text)
        self.code = await asyncio.to_thread(cli.main, arguments)
        seen = self._capsys.readouterr()
        assert find(seen.out + seen.err) == ""
        return seen.out + seen.err

    async def look(self, *commands: str, **changed: str) -> str:
        """Run commands that show something, and look into the store beside its links."""
        shown = commands or ("status --json", "outbox list --all")
        said = [await self.run(*command.split(), **changed) for command in shown]
        store = self.stage.folder / "notifier.db"
        kept = read_columns(store) if store.exists() else ""
        assert find(kept) == ""
        return "\n".join(said)


@pytest.fixture
def terminal(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Give a terminal between a Dintero with a link and a Slack."""
    stage.ask()
    return Terminal(stage, capsys, monkeypatch)


@asynccontextmanager
async def echoing(answer: Answer) -> AsyncIterator[str]:
    """Serve something that answers with what it was asked."""
    async with serve(echo(answer)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_good_run_shows_nothing(terminal: Terminal, form: str) -> None:
    """When all goes well the link is in the message and in nothing that is printed or kept in the clear."""
    said = await terminal.run("run", "--once", LOG__FORMAT=form)
    assert terminal.code == 0
    assert "delivered" in said
    shown = ("status", "status --json", "outbox list --all", "outbox list --all --json", "check --send")
    explained = (f"explain {ACCOUNT}/vipps", f"explain {ACCOUNT}/vipps --json")
    await terminal.look(*shown, *explained, LOG__FORMAT=form)
    assert LINK in terminal.stage.messages[0]
    for path in terminal.stage.folder.glob("notifier.db*"):
        assert b"CANARY" not in path.read_bytes()


DINTERO = [
    *(dintero_error(status) for status in STATUSES),
    plain(200),
    plain(401),
    plain(502),
    broken,
    misshapen,
]


@pytest.mark.parametrize("answer", DINTERO)
async def test_a_dintero_that_gives_away_what_it_was_asked(terminal: Terminal, answer: Answer) -> None:
    """Whatever Dintero answers with the client's credentials in it, nobody sees them."""
    async with echoing(answer) as address:
        said = await terminal.run("run", "--once", DINTERO__BASE_URL=f"{address}/v1")
        assert "Dintero" in said
        await terminal.look("status", "check", DINTERO__BASE_URL=f"{address}/v1")


@pytest.mark.parametrize("answer", DINTERO)
async def test_a_dintero_that_gives_away_the_token(
    terminal: Terminal, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Dintero answers with the access token in it, nobody sees that."""
    dintero = terminal.stage.dintero
    hostile, good = echo(answer), dintero._answer

    async def give_away(request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return await (good if request.method == "POST" else hostile)(request)

    monkeypatch.setattr(dintero, "_answer", give_away)
    said = await terminal.run("run", "--once", LOG__FORMAT="json")
    assert "cannot read" in said
    await terminal.look()


SLACK = [*(slack_error(status) for status in STATUSES), plain(200), plain(403), plain(502), broken, misshapen]


@pytest.mark.parametrize("kind", ["slack", "webhook"])
@pytest.mark.parametrize("answer", SLACK)
async def test_a_slack_that_gives_away_what_it_was_told(
    terminal: Terminal, answer: Answer, kind: str
) -> None:
    """Whatever Slack answers with the token, the webhook's address or the message in it, nobody sees them."""
    async with echoing(answer) as address:
        changed = {"SLACK__BASE_URL": f"{address}/api/"}
        if kind == "webhook":
            hook = f"{address}/services/T0/B0/CANARYhook"
            changed = {"SLACK__WEBHOOK_URL": hook, "SLACK__BOT_TOKEN": "", "SLACK__CHANNEL": ""}
        said = await terminal.run("run", "--once", **changed)
        assert "Receiver sales" in said
        await terminal.look(**changed)
        await terminal.run("check", "--send", **changed)


def permalink(secret: str, body: str) -> web.Response:
    """Answer that all went well, with a permalink that is the secret."""
    return web.json_response({"ok": True, "permalink": f"https://slack.example/{secret}/{body}/{LINK}"})


@pytest.mark.parametrize("answer", [*SLACK, permalink])
async def test_a_slack_that_gives_secrets_away_for_permalinks(terminal: Terminal, answer: Answer) -> None:
    """Whatever Slack answers to whoever asks where a message stands, the story shows none of it."""
    await terminal.run("run", "--once")
    async with echoing(answer) as address:
        changed = {"SLACK__BASE_URL": f"{address}/api/"}
        said = await terminal.look(
            f"explain {ACCOUNT}/vipps", f"explain {ACCOUNT}/vipps --json", "explain nothing", **changed
        )
    assert "no permalink" in said


def crash(snapshot: object) -> object:
    """Fail as our own code might: with everything that it holds in the text."""
    held = f"{snapshot!r} {CLIENT_SECRET} {BOT_TOKEN} Bearer {ACCESS_TOKEN} {LINK} {STORE_KEY}"
    local_variable = {"token": ACCESS_TOKEN, "environ": dict(os.environ)}
    raise RuntimeError(held, local_variable)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "place",
    [
        "notifier.service.recorder.detect_account",
        "notifier.service.courier.write_message",
        "notifier.receivers.slack.bot.render",
        "notifier.service.link_keeper.LinkKeeper.tend",
        "notifier.engines.make_dispatcher",
        "notifier.app.resolve_receivers",
    ],
)
async def test_a_fault_of_our_own_gives_nothing_away(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, place: str, form: str
) -> None:
    """Tracebacks, and exceptions with all that we know in their text, come out without any of it."""
    monkeypatch.setattr(place, lambda *given, **_named: crash(given))
    said = await terminal.run("run", "--once", LOG__FORMAT=form)
    assert "a fault of the notifier's own" in said
    assert "RuntimeError" in said
    assert "[hidden]" in said
    await terminal.look()


@pytest.mark.parametrize(
    "changed",
    [
        {"DINTERO__CLIENT_SECRET": "CANARY secret"},
        {"DINTERO__CLIENT_ID": "CANARY:id"},
        {"DINTERO__CLIENT_SEKRET": "CANARY"},
        {"DINTERO": '{"client_secret": "CANARY'},
        {"SLACK__BOT_TOKEN": "xoxb CANARY"},
        {"SLACK__WEBHOOK_URL": "http://hooks.slack.com/services/CANARY"},
        {"SLACK__WEBHOOK_URL": "https://hooks.slack.com/services/CANARY"},
        {"STORE__KEY": "CANARY"},
        {"STORE__URL": "postgresql://user:CANARY@db"},
        {"NETWORK__PROXY": "ftp://user:CANARY@proxy"},
        {"NETWORK__PROXY": "http://user:CANARY@proxy:CANARY"},
        {"NETWORK__CA_FILE": "missing.pem"},
        {"RECEIVERS__SALES__URL": "https://hooks.slack.com/services/CANARY"},
        {"RECEIVERS": '{"sales": {"kind": "slack_webhook", "uri": "CANARY"}}'},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_wrong_settings_are_told_without_what_stands_in_them(
    terminal: Terminal, changed: dict[str, str]
) -> None:
    """A mistake in or beside a secret is named by its setting alone."""
    said = await terminal.run("run", "--once", **changed)
    assert (terminal.code, "The settings cannot work" in said) == (78, True)
    await terminal.run("check", **changed)


@pytest.mark.parametrize(
    "line", ["client_secret = CANARY", 'client_sekret = "CANARY"', '"CANARY', "x = ['CANARY'"]
)
async def test_a_wrong_file_is_told_without_what_stands_in_it(terminal: Terminal, line: str) -> None:
    """A TOML file that cannot be read is told by line and column."""
    (terminal.stage.folder / "notifier.toml").write_text(f"[dintero]\n{line}\n")
    await terminal.run("--config", "notifier.toml", "run", "--once")
    assert terminal.code == 78


async def test_a_proxy_that_is_not_there_is_told_without_its_password(terminal: Terminal) -> None:
    """The address of a proxy holds a password, which no sentence repeats."""
    changed = {"DINTERO__BASE_URL": "https://api.dintero.test/v1", "NETWORK__PROXY": PROXY}
    assert "the proxy could not be reached" in await terminal.run("run", "--once", **changed)
    await terminal.look(**changed)


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("nonsense",), ("outbox", "drop", "x")])
async def test_the_rest_shows_nothing_either(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """What needs no settings at all prints none of them."""
    await terminal.run(*arguments)


async def test_a_lost_key_is_told_without_either(terminal: Terminal) -> None:
    """Neither the key that is there nor the link that it does not open is shown."""
    await terminal.run("run", "--once")
    other = "CANARY" * 7 + "E="
    said = await terminal.run("run", "--once", STORE__KEY=other)
    assert "cannot be decrypted" in said
    await terminal.look(STORE__KEY=other)


async def test_a_process_of_its_own_shows_nothing(stage: Stage) -> None:
    """Also what Python itself prints, in its development mode, holds no secret."""
    stage.ask()
    async with echoing(slack_error(500)) as address:
        changed = {
            "SLACK__BASE_URL": f"{address}/api/",
            "STORE__KEY": STORE_KEY,
            "DELIVERY__GRACE_SECONDS": "0.1",
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-m", "notifier", "run"),
            env={**stage.set(changed), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=stage.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = b""
        while b"not delivered" not in said:
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line
        process.terminate()
        said += await process.stdout.read()
        assert await process.wait() == 0
    assert find(said.decode()) == ""
    assert "Traceback" not in said.decode()


def test_the_search_finds_what_it_looks_for(stage: Stage) -> None:
    """The canaries are found in plain text and in Base64: else nothing above means anything."""
    credentials = stage.load().dintero
    assert credentials is not None
    assert find(f"x {LINK}") and find(f"x {STORE_KEY}") and find(f"x {ACCESS_TOKEN}")  # noqa: PT018
    held = Credentials("P1", credentials.client_id, credentials.client_secret.get_secret_value())
    assert find(held.make_basic().value)
