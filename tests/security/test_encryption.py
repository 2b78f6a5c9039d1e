"""With a key no link is readable in the store's files; without the right key everything goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from notifier import app, checkup
from notifier.domain.delivery import Level
from notifier.domain.model import ConnectionKey, SignatureLink
from notifier.errors import ConfigError
from notifier.store.vault import Vault
from tests.fakes import ACCOUNT, FakeClock, FakeSource, make_account, make_connection, make_request
from tests.security.conftest import Stage
from tests.security.keeping import LINK, NEW_KEY, OLD_KEY, TARGET, Start, count_in_files, query

OPEN = make_connection("pending", make_request(link=LINK))


@pytest.mark.parametrize("url", [LINK, "", "\x1fplain:x", "\x1f0123456789ab:gAAAA", "æ\ud800", "x" * 5000])
@pytest.mark.parametrize("keys", [(), (NEW_KEY,), (NEW_KEY, OLD_KEY)])
def test_what_is_sealed_opens_again(keys: tuple[str, ...], url: str) -> None:
    """Any link comes back as it was, also one that is made to look like a sealed one."""
    sealed = Vault(keys).seal(SignatureLink(url))
    opened = Vault(keys).open(sealed)
    assert opened is not None
    assert opened.url == url
    assert sealed is not None
    assert not keys or "CANARY" not in sealed


def test_a_link_opens_with_its_own_key_alone() -> None:
    """Another key, no key, and a text that somebody changed open nothing."""
    sealed = Vault((OLD_KEY,)).seal(SignatureLink(LINK)) or ""
    assert Vault((NEW_KEY,)).open(sealed) is None
    assert Vault().open(sealed) is None
    assert Vault((OLD_KEY,)).open(sealed[:-3] + "AAA") is None
    assert OLD_KEY not in repr(Vault((OLD_KEY,))) + sealed


async def test_with_a_key_no_file_holds_the_link(start: Start, path: Path) -> None:
    """Neither while the store is open nor afterwards does a link stand in it, and it is told all the same."""
    run = start(FakeSource(make_account(OPEN)), NEW_KEY)
    await run.start()
    await run.poll()
    assert run.sales.taken[0].action is not None
    assert (path.parent / f"{path.name}-wal").exists()
    assert count_in_files(path) == 0
    run.database.close()
    assert count_in_files(path) == 0


async def test_a_key_for_an_existing_store_encrypts_what_is_there(start: Start, path: Path) -> None:
    """Links that were kept before are encrypted by the next run, and no copy of them is left."""
    keys = [ConnectionKey(ACCOUNT, f"c{number:03}") for number in range(200)]
    asked = [make_connection("pending", make_request(link=f"{LINK}/{key}"), key=key) for key in keys]
    run = start(FakeSource(make_account(*asked)))
    await run.start()
    await run.poller.poll(TARGET)
    run.database.close()
    assert count_in_files(path) >= 200
    again = start(run.source, NEW_KEY)
    await again.keeper.tend()
    assert count_in_files(path) == 0
    await again.start()
    await again.poller.poll(TARGET)
    again.database.close()
    assert count_in_files(path) == 0


async def test_a_new_key_takes_over(start: Start) -> None:
    """The first of two keys encrypts everything anew; then the old one is not needed any more."""
    run = start(FakeSource(make_account(OPEN)), OLD_KEY)
    await run.start()
    await run.poll()
    before = run.read_links()
    both = start(run.source, NEW_KEY, OLD_KEY)
    assert both.database.count_links().unreadable == 0
    await both.keeper.tend()
    after = both.read_links()
    assert (len(before), before == after) == (1, False)
    new = start(run.source, NEW_KEY)
    assert new.database.count_links().unreadable == 0


@pytest.mark.parametrize(("keys", "why"), [((NEW_KEY,), "does not hold the key"), ((), "is not set")])
async def test_a_lost_key_is_one_sentence_and_heals(
    start: Start, path: Path, clock: FakeClock, keys: tuple[str, ...], why: str
) -> None:
    """It is said once, with what to do; the next poll brings the links back, and tells nothing twice."""
    run = start(FakeSource(make_account(OPEN)), OLD_KEY)
    await run.start()
    await run.poll()
    lost = start(run.source, *keys)
    await lost.start()
    await lost.keeper.tend()
    ((subject, sentence),) = query(path, "SELECT subject, sentence FROM problems")
    assert subject == "signature links"
    assert why in str(sentence)
    assert "fetched anew from Dintero" in str(sentence)
    await lost.poll()
    assert lost.database.count_links().unreadable == 0
    await lost.keeper.tend()
    assert query(path, "SELECT subject FROM problems") == []
    assert lost.sales.taken == []


async def test_a_message_waits_for_a_link_that_cannot_be_decrypted(start: Start, clock: FakeClock) -> None:
    """What was to be sent when the key was lost goes out with its link, as soon as a poll brought that."""
    run = start(FakeSource(make_account(OPEN)), OLD_KEY)
    await run.start()
    await run.poller.poll(TARGET)
    lost = start(run.source, NEW_KEY)
    await lost.start()
    await lost.dispatcher.drain(0)
    assert lost.sales.taken == []
    await lost.poll(patience_seconds=10)
    assert [message.headline for message in lost.sales.taken] == ["Signature needed"]
    assert lost.sales.taken[0].action is not None


async def test_a_message_waits_no_longer_than_that(start: Start) -> None:
    """Where Dintero does not show the link again, the message says where to find it."""
    run = start(FakeSource(make_account(OPEN)), OLD_KEY)
    await run.start()
    await run.poller.poll(TARGET)
    lost = start(FakeSource(), NEW_KEY)
    await lost.start()
    await lost.dispatcher.drain(60)
    assert lost.sales.taken[0].action is None
    assert "Open the account in Backoffice to find it" in lost.sales.taken[0].advice


async def test_check_says_how_links_are_kept(stage: Stage) -> None:
    """`check` tells of links that anybody can read, of encrypted ones, and of a key that is missing."""

    async def check(**changed: str) -> list[tuple[Level, str]]:
        found = checkup.check(stage.load(**changed), is_offline=True, sends=False)
        return [(one.level, one.sentence) async for one in found if one.subject == "signature links"]

    stage.ask()
    await app.run_once(stage.load(STORE__KEY=OLD_KEY))
    assert await check(STORE__KEY=OLD_KEY) == [(Level.OK, "they are encrypted in the store")]
    ((level, sentence),) = await check(STORE__KEY=NEW_KEY)
    assert (level, "1 of them cannot be decrypted" in sentence) == (Level.WARNING, True)
    ((level, sentence),) = await check()
    assert (level, "NOTIFIER_STORE__KEY is not set" in sentence) == (Level.WARNING, True)
    await app.run_once(stage.load())
    ((level, sentence),) = await check()
    assert (level, "whoever reads the store can open them" in sentence) == (Level.OK, True)
    assert len(stage.messages) == 1


@pytest.mark.parametrize("key", ["CANARY", NEW_KEY[:-1], f"{NEW_KEY},CANARY", NEW_KEY.replace("=", "==")])
def test_a_key_of_another_form_is_a_sentence(stage: Stage, key: str) -> None:
    """What is no key is refused with how to make one, and is not shown."""
    with pytest.raises(ConfigError, match="head -c 32 /dev/urandom") as caught:
        stage.load(STORE__KEY=key)
    assert key not in str(caught.value)


def test_the_way_to_make_a_key_works(stage: Stage) -> None:
    """The command that the sentence and the documents name makes a key that encrypts."""
    command = "head -c 32 /dev/urandom | base64 | tr '+/' '-_'"
    made = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout
    vault = Vault(stage.load(STORE__KEY=made.strip()).store.keys)
    opened = vault.open(vault.seal(SignatureLink(LINK)))
    assert opened is not None
    assert opened.url == LINK


def test_without_a_key_nothing_of_cryptography_is_loaded(path: Path) -> None:
    """A run without encryption does not pay for it when it starts."""
    program = (
        "import sys, notifier.app; from notifier.store.database import Database; "
        f"database = Database('sqlite:///{path}'); database.open(); database.count_links(); "
        "database.close(); sys.exit(any(name.startswith('cryptography') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
