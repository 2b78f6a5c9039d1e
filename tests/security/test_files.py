"""The store's files are their owner's alone, and `check` says where others can read a secret."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier import app, checkup
from notifier.domain.delivery import Level
from notifier.store.database import Database
from tests.security.conftest import Stage


@pytest.fixture(params=[0, 0o022, 0o777], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Work under a umask that hides nothing, the usual one, and one that hides all."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_the_store_is_readable_by_its_owner_alone(memory_path: Path) -> None:
    """The store, its log, its index and its lock are made 0600, whatever the umask is."""
    database = Database(f"sqlite:///{memory_path}/notifier.db")
    database.lock()
    database.open()
    database.run_now(lambda books: books.clear_problem("x"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in memory_path.iterdir()}
    database.close()
    names = ("notifier.db", "notifier.db-wal", "notifier.db-shm", "notifier.db.lock")
    assert modes == dict.fromkeys(names, 0o600)


async def list_warnings(stage: Stage, **changed: str) -> list[str]:
    """List what `check` warns of, without asking anybody."""
    found = checkup.check(stage.load(**changed), is_offline=True, sends=False)
    return [one.sentence async for one in found if one.level is Level.WARNING]


async def test_check_names_a_store_that_others_can_read(stage: Stage) -> None:
    """A store that somebody made readable is left so, and named."""
    await app.run_once(stage.load())
    assert await list_warnings(stage) == []
    path = stage.folder / "notifier.db"
    path.chmod(0o640)
    (sentence,) = await list_warnings(stage)
    assert sentence == f"{path} can be read by other users of this machine: chmod 600 it"
    await app.run_once(stage.load())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "content", "is_told"),
    [
        (".env", "NOTIFIER_SLACK__BOT_TOKEN=xoxb-1\n", True),
        (".env", "NOTIFIER_LOG__LEVEL=info\nNOTIFIER_SLACK__BOT_TOKEN_FILE=token\n", False),
        ("config/notifier.toml", '[slack]\nbot_token = "xoxb-1"\n', True),
        ("config/notifier.toml", "[poll]\ninterval_seconds = 60\n", False),
    ],
)
async def test_check_names_settings_that_others_can_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, content: str, *, is_told: bool
) -> None:
    """A file with a secret in it that every user can read is named; one without a secret may be read."""
    # The folders of a test are private already: here they are not looked at.
    monkeypatch.setattr("notifier.settings.files.stat.S_IXOTH", 0o777)
    path = stage.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    (stage.folder / "token").write_text("xoxb-1")
    path.chmod(0o644)
    sentence = f"{path} holds secrets, and every user of this machine can read it: chmod 600 it"
    assert await list_warnings(stage) == [sentence] * is_told
    path.chmod(0o600)
    assert await list_warnings(stage) == []
