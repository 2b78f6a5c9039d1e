"""The stage: the real program as a process of its own, between a Dintero and a Slack that the test serves.

Every secret and every signature link here holds the word "canary" (or a mark of the sandbox's): whatever the
program prints, in any test, is searched for them, and for anything that looks like a crash.
"""

import asyncio
import itertools
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

import notifier
from notifier.sandbox import CONFIGURATION_CANARY, PERSON_CANARY, Bot, Message, SandboxDintero, SandboxSlack

REPOSITORY: Final = Path(notifier.__file__).parents[1]

OWNER: Final = "P11200000"
LIVE: Final = "P12345678"
TEST: Final = "T12345678"
CLIENT_SECRET: Final = "canary-client-secret-77aa"
BOT_TOKEN: Final = "xoxb-1111-2222-canarytoken"
LINK: Final = "https://sign.example.com/vipps/canary-link"

PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.01

_NEVER_PRINTED: Final = re.compile(
    r"canary|sandboxsecret|sign\.example\.com|sandbox\.[\w-]{20,}|xox[a-z]-\w|Bearer [\w.-]|Basic [\w+/=]{8}",
    re.IGNORECASE,
)
_NEVER_KEPT: Final = re.compile(
    rf"{CONFIGURATION_CANARY}|{PERSON_CANARY}|{CLIENT_SECRET}|{BOT_TOKEN}|sandboxsecret|sandbox\.[\w-]{{20,}}".encode()
)
_CRASHES: Final = (
    "Traceback",
    "Exception ignored",
    "never awaited",
    "was destroyed but it is pending",
    "never retrieved",
    "Unclosed",
    "ExceptionGroup",
    "a fault of the notifier's own",
)


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """What was said to the person at the terminal, beside the log."""
        return [line for line in self.err.splitlines() if line.startswith("notifier: ")]


@dataclass
class Program:
    """A process of the program; what it prints goes to files, so that it never waits for a reader."""

    process: asyncio.subprocess.Process
    out: Path
    err: Path

    async def wait(self, seconds: float = PATIENCE_SECONDS) -> Result:
        """Wait for its end, for no longer than that, and return what it came to."""
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            pytest.fail(f"still running after {seconds:g} s; it said:\n{self.err.read_text()[-2000:]}")
        return self.read()

    async def stop(self, number: int = signal.SIGTERM, seconds: float = PATIENCE_SECONDS) -> Result:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return await self.wait(seconds)

    def read(self) -> Result:
        """Return what it has printed so far, and its exit code once it has one."""
        code = self.process.returncode
        return Result(
            -1000 if code is None else code,
            self.out.read_text("utf-8", "replace"),
            self.err.read_text("utf-8", "replace"),
        )


@dataclass
class Stage:
    """A Dintero, a Slack, a folder, and the environment in which the program runs between them."""

    dintero: SandboxDintero
    slack: SandboxSlack
    bot: Bot
    folder: Path
    env: dict[str, str]
    programs: list[Program] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def run(self, *arguments: str | bytes, **changed: str) -> Result:
        """Run a command to its end; `changed` are variables without their `NOTIFIER_`."""
        program = await self.start(*arguments, **changed)
        return await program.wait()

    async def start(self, *arguments: str | bytes, **changed: str) -> Program:
        """Start a command and do not wait for it."""
        return await self.execute((sys.executable, "-m", "notifier", *arguments), self.set(**changed))

    async def execute(
        self, command: Iterable[str | bytes], env: Mapping[str, str], cwd: Path | None = None
    ) -> Program:
        """Start any command line in the stage's folder."""
        number = next(self.numbers)
        out, err = (self.folder / f"{number}.{name}" for name in ("out", "err"))
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=env,
                cwd=cwd or self.folder / "work",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
            )
        self.programs.append(Program(process, out, err))
        return self.programs[-1]

    def set(self, **changed: str) -> dict[str, str]:
        """Return the environment with some variables of the notifier's set, or left out where they are ""."""
        env = self.env | {f"NOTIFIER_{name}": text for name, text in changed.items()}
        return {name: text for name, text in env.items() if text}

    def configure(self, text: str) -> None:
        """Write the TOML file that is read unless another is named."""
        path = self.folder / "work" / "config" / "notifier.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.folder / "work" / "notifier.db"

    def ask(
        self, account_id: str = LIVE, name: str = "vipps", link: object = LINK, description: str = ""
    ) -> None:
        """Let a merchant apply, and Dintero ask for a signature."""
        if account_id not in self.dintero.account_ids():
            self.dintero.add_account(account_id, business_name="Fjordbris Sport AS")
        self.dintero.apply(account_id, name)
        self.dintero.require_signature(account_id, name, link=link, description=description)

    def say(self, channel: str = "sales") -> list[str]:
        """Return what a channel's messages say first, oldest first."""
        return [headline(message) for message in self.slack.messages(channel)]

    def check_outputs(self) -> None:
        """Fail if anything printed holds a secret or a signature link, or looks like a crash."""
        for program in self.programs:
            for path in (program.out, program.err):
                text = path.read_text("utf-8", "replace")
                if found := _NEVER_PRINTED.search(text):
                    start = max(0, found.start() - 200)
                    pytest.fail(f"{path.name} holds a secret: …{text[start : found.end() + 50]}…")
                for crash in _CRASHES:
                    assert crash not in text, text[-4000:]

    def check_traces(self) -> None:
        """Fail if the store or a message holds what must not be kept."""
        for path in (self.folder / "work").glob("*.db*"):
            if found := _NEVER_KEPT.search(path.read_bytes()):
                pytest.fail(f"{path.name} holds {found[0]!r}")
        for post in self.slack.posts:
            if found := _NEVER_KEPT.search(repr(post.body).encode()):
                pytest.fail(f"a message holds {found[0]!r}")


def headline(message: Message) -> str:
    """Return what a message says first, without what stands around it."""
    shown = message.text.splitlines()
    return shown[0] if shown else ""


async def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition, for no longer than that; looking at it costs nothing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        if loop.time() > end:
            pytest.fail(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(_LOOK_SECONDS)


@pytest.fixture
async def stage(tmp_path: Path, new_store: Path) -> AsyncIterator[Stage]:
    """Give a stage with a bot, the private channels sales and oncall, no account, and a store that is new."""
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(new_store, work / "notifier.db")
    async with (
        SandboxDintero(OWNER, client_secret=CLIENT_SECRET).serve() as dintero,
        SandboxSlack().serve() as slack,
    ):
        bot = slack.add_bot(token=BOT_TOKEN)
        for name in ("sales", "oncall"):
            slack.add_channel(name, is_private=True)
        stage = Stage(dintero, slack, bot, tmp_path, _make_environment(dintero, slack))
        try:
            yield stage
        finally:
            for program in stage.programs:
                if program.process.returncode is None:
                    program.process.kill()
                    await program.process.wait()
        stage.check_outputs()
        stage.check_traces()


def _make_environment(dintero: SandboxDintero, slack: SandboxSlack) -> dict[str, str]:
    """Return the whole environment: a partner's credentials, a bot that posts to #sales, no patience."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "NOTIFIER_DINTERO__BASE_URL": dintero.base_url,
        "NOTIFIER_DINTERO__ACCOUNT_ID": OWNER,
        "NOTIFIER_DINTERO__CLIENT_ID": dintero.client.client_id,
        "NOTIFIER_DINTERO__CLIENT_SECRET": CLIENT_SECRET,
        "NOTIFIER_DINTERO__DISCOVER": "true",
        "NOTIFIER_SLACK__BASE_URL": slack.base_url,
        "NOTIFIER_SLACK__BOT_TOKEN": BOT_TOKEN,
        "NOTIFIER_RECEIVERS__SALES__KIND": "slack",
        "NOTIFIER_RECEIVERS__SALES__CHANNEL": slack.channel("sales").id,
        "NOTIFIER_RECEIVERS__SALES__PACE_SECONDS": "0",
        "NOTIFIER_POLL__INTERVAL_SECONDS": "0.2",
        "NOTIFIER_POLL__QUIET_INTERVAL_SECONDS": "0.2",
        "NOTIFIER_POLL__ATTEMPTS": "2",
        "NOTIFIER_DELIVERY__GRACE_SECONDS": "0.5",
        # Each message is counted; digests have tests of their own.
        "NOTIFIER_DELIVERY__STORM_CARDS": "0",
        "NOTIFIER_DELIVERY__LOOK_SECONDS": "0.5",
        "NOTIFIER_LOG__LEVEL": "debug",
        "NOTIFIER_LOG__FORMAT": "json",
    }
