"""Wrong settings and wrong usage: all mistakes at once, before anything starts, with the right exit code."""

import asyncio
import os
import sys

import pytest

from tests.e2e.conftest import LIVE, Stage

HEADER = "The settings cannot work:"


async def test_all_mistakes_are_told_at_once(stage: Stage) -> None:
    """Each mistake must have a line that names the setting; nobody outside may have been asked yet."""
    mistakes = {
        "DINTERO__ACCOUNT_ID": "X1",
        "DINTERO__CLIENT_SECRET": "canary secret with spaces",
        "DINTERO__ACCOUNTS": '["P1234"]',
        "POLL__INTERVAL_SECONDS": "soon",
        "POLL__INTERVALL_SECONDS": "canary",
        "STORE__URL": "postgresql://user:canary-password@host",
        "RECEIVERS__SALES__CHANNEL": "no channel",
        "ROUTES": '[{"receivers": ["nobody"]}]',
        "SLACK__WEBHOOK_URL": "http://hooks.example.com/canary-hook",
        "LOG__LEVEL": "loud",
    }
    results = await asyncio.gather(stage.run("run", **mistakes), stage.run("status", **mistakes))
    for result in results:
        assert (result.code, result.out) == (78, "")
        header, *lines = result.err.splitlines()
        assert header == HEADER
        assert all(line.startswith("  ") and line.endswith((".", "?")) for line in lines), lines
        for name in mistakes:
            assert any(f"NOTIFIER_{name}" in line for line in lines), (name, lines)
    assert not stage.dintero.requests
    assert not stage.slack.requests


async def test_nothing_set_says_what_to_set(stage: Stage) -> None:
    """Without any setting the two things that are missing must be named with their variables."""
    outside = {name: text for name, text in stage.env.items() if not name.startswith("NOTIFIER_")}
    result = await (await stage.execute((sys.executable, "-m", "notifier", "run"), outside)).wait()
    assert result.code == 78
    assert "NOTIFIER_DINTERO__ACCOUNT_ID" in result.err
    assert "NOTIFIER_SLACK__WEBHOOK_URL" in result.err
    assert len(result.err.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"\x7fELF\x00\xff\xfe canary", "is no UTF-8 text"),
        (b"[slack\ncanary", "is no TOML at line 1"),
    ],
    ids=["missing", "binary", "broken"],
)
async def test_a_file_that_cannot_be_read_is_named(stage: Stage, content: bytes | None, words: str) -> None:
    """A settings file that is missing, binary or broken must be one line that says so, and no more."""
    path = stage.folder / "work" / "my.toml"
    if content is not None:
        path.write_bytes(content)
    result = await stage.run("--config", str(path), "run", "--once")
    assert result.code == 78
    header, line = result.err.splitlines()
    assert header == HEADER
    assert words in line


async def test_wrong_usage_is_told_as_such(stage: Stage) -> None:
    """A wrong command line must end with 2 and a hint, whatever stands in it; help and version with 0."""
    wrong = (
        (),
        ("fly",),
        ("run", "--twice"),
        ("outbox",),
        ("outbox", "drop"),
        ("demo", "--port", "99999"),
        ("demo", "--seconds", "soon"),
        ("\udcff\x1b[31m",),
        ("routes",),
        ("routes", "test", "--event", "failed"),
        ("routes", "test", "--account", LIVE),
        ("routes", "test", "--account", "P1", "--event", "failed"),
        ("routes", "test", "--account", LIVE, "--event", "failed", "--at", "2026-11-22T12:00"),
        ("routes", "test", "--account", LIVE, "--event", "failed", "--live", "--test"),
        ("silence", "add", "account=P1", "--comment", "x"),
        ("silence", "add", "account=P1", "--for", "2h"),
        ("silence", "add", "account=P1", "--for", "soon", "--comment", "x"),
        ("silence", "add", "conection=vipps", "--for", "2h", "--comment", "x"),
        ("silence", "add", "account=\udcff", "--for", "2h", "--comment", "x"),
        ("silence", "expire"),
    )
    results = await asyncio.gather(*(stage.run(*map(os.fsencode, arguments)) for arguments in wrong))
    for arguments, result in zip(wrong, results, strict=True):
        assert (result.code, result.out) == (2, ""), arguments
        assert result.err.startswith("usage: notifier"), arguments
    help_, version = await asyncio.gather(stage.run("--help"), stage.run("--version"))
    assert (help_.code, version.code) == (0, 0)
    assert all(
        command in help_.out for command in ("run", "check", "status", "outbox", "routes", "silence", "demo")
    )
    assert version.out.startswith("notifier ")
