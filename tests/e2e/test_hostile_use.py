"""Odd places to be run from: a clear sentence or the right work, never a crash."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Result, Stage

PROGRAM = f"{shlex.quote(sys.executable)} -m notifier"


async def _run_line(stage: Stage, line: str, cwd: Path | None = None) -> Result:
    """Run a line of shell."""
    return await (await stage.execute(("sh", "-c", line), stage.env, cwd)).wait()


async def test_nobody_needs_to_read_what_is_printed(stage: Stage) -> None:
    """A reader that has gone, a disk that is full and streams that are closed must not make it crash."""
    stage.ask()
    lines = [
        f"{PROGRAM} status | true",
        f"{PROGRAM} run --once >&- 2>&- <&- || exit 11",
        f"{PROGRAM} run --once 2>/dev/full || exit 12",
        f"{PROGRAM} status >/dev/full && exit 13",
    ]
    result = await _run_line(stage, "\n".join([*lines, "true"]))
    assert result.code == 0
    assert result.err == "notifier: the operating system refuses: No space left on device\n"
    assert stage.say() == ["Signature needed"]


async def test_the_place_it_is_run_from_does_not_matter(stage: Stage) -> None:
    """Without HOME, in the C locale and with a name that is no ASCII it must work as anywhere."""
    stage.ask()
    folder = stage.folder / "work" / "bokstav ø %20"
    folder.mkdir()
    stage.env |= {"LANG": "C", "LC_ALL": "C", "NOTIFIER_STORE__URL": f"sqlite:///{folder}/notifier.db"}
    assert "HOME" not in stage.env
    result = await stage.run("run", "--once")
    assert result.code == 0, result.err
    assert (folder / "notifier.db").is_file()


async def test_a_folder_that_is_gone_is_said(stage: Stage) -> None:
    """In a working directory that was deleted it must say so in one sentence, whatever the command."""
    gone = stage.folder / "gone"
    gone.mkdir()
    line = f"rmdir ../gone; {PROGRAM} run --once; test $? = 78 || exit 1; {PROGRAM} --version"
    result = await _run_line(stage, line, gone)
    assert result.code == 0
    assert "working directory" in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///config", "is a folder: name a file"),
        ("sqlite:///missing/notifier.db", "does not exist: make it first"),
        ("sqlite:///text.db", "is no SQLite file"),
    ],
    ids=["folder", "missing", "text"],
)
async def test_a_store_that_cannot_be_is_one_sentence(stage: Stage, url: str, words: str) -> None:
    """A store's place that cannot work must be named with what to do, before anything is read."""
    work = stage.folder / "work"
    (work / "config").mkdir()
    (work / "text.db").write_text("This is no database, it is a shopping list: milk, bread.\n" * 50)
    result = await stage.run("run", "--once", STORE__URL=url)
    assert (result.code, result.out) == (1, "")
    (sentence,) = result.err.splitlines()
    assert words in sentence
    assert not stage.dintero.requests


async def test_somebody_without_rights_is_told_so(stage: Stage) -> None:
    """In a folder that cannot be written, and with a file that cannot be read, it must say which and why."""
    without_rights: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # What lets root write and read everything is taken away.
        if shutil.which("setpriv") is None:
            pytest.skip("root may do everything, and setpriv is not there to change that")
        without_rights = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    folder = stage.folder / "closed"
    folder.mkdir()
    (folder / "secret.toml").write_text("canary = 1")
    (folder / "secret.toml").chmod(0)
    folder.chmod(0o555)
    command = (*without_rights, sys.executable, "-m", "notifier")
    programs = [
        await stage.execute((*command, *arguments), stage.env, folder)
        for arguments in (
            ("run", "--once"),
            ("check", "--offline"),
            ("--config", "secret.toml", "status"),
        )
    ]
    run, check, status = [await program.wait() for program in programs]
    folder.chmod(0o755)
    assert run.code == 1
    assert "Permission denied; check who owns the folder" in run.err
    assert len(run.err.splitlines()) == 1
    assert check.code == 1
    assert "cannot be written" in check.out
    assert status.code == 78
    assert "may not be read" in status.err
