"""Nothing that holds a secret shows it when it is printed, alone or inside something else."""

from collections.abc import Iterable
from dataclasses import is_dataclass

import aiohttp
import pytest

from notifier import app
from notifier.dintero.client import Transport
from notifier.dintero.credentials import Credentials
from notifier.dintero.token import Grant
from notifier.dintero.wire.token import Token
from notifier.domain.compose import Dossier, House, compose
from notifier.domain.delivery import Notification
from notifier.domain.message import Outside, RefusedLink
from notifier.domain.model import Event, SignatureLink
from notifier.network import Network
from notifier.receivers.answers import Answer
from notifier.receivers.session import open_session
from notifier.settings import resolve_receivers, resolve_sources
from notifier.store.database import Database
from notifier.store.vault import Vault
from tests.fakes import NOW, FakeSource, make_account, make_connection, make_request
from tests.security.canaries import ACCESS_TOKEN, PROXY, STORE_KEY, find
from tests.security.conftest import BOT_TOKEN, CLIENT_ID, CLIENT_SECRET, LINK, Stage
from tests.security.keeping import TARGET, Start

HOOK = "https://hooks.slack.com/services/T0/B0/CANARYhook"


def show(value: object, depth: int = 3) -> Iterable[str]:
    """Give what a value shows of itself, and what the values in it show of themselves."""
    yield f"{value!r} {value}"
    inner = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
    inner += list(vars(value).values()) if hasattr(value, "__dict__") else []
    for one in inner:
        if depth and not isinstance(one, str | bytes | type) and type(one).__module__.startswith("notifier"):
            yield from show(one, depth - 1)


async def test_settings_show_no_secret(stage: Stage) -> None:
    """Neither the settings nor what they come to shows one, nor do the source and the receivers."""
    settings = stage.load(STORE__KEY=STORE_KEY, NETWORK__PROXY=PROXY)
    hooked = stage.load(SLACK__WEBHOOK_URL=HOOK, SLACK__BOT_TOKEN="", SLACK__CHANNEL="")
    for one in (settings, hooked):
        values = [one, one.store, one.network, one.slack, *resolve_sources(one).values()]
        assert find("".join(repr(value) + str(value) for value in values)) == ""
        assert find(repr(resolve_receivers(one))) == ""
        async with app.connect(one) as outside:
            assert find("".join(show(outside))) == ""
            for part in (*outside.sources.values(), *outside.receivers.values()):
                assert find("".join(show(part, depth=0))) == ""


async def test_what_carries_credentials_shows_none() -> None:
    """Credentials, tokens, transports, sessions and answers keep to themselves."""
    token = Token(ACCESS_TOKEN, 60.0)
    async with open_session(proxy=PROXY) as session:
        values = (
            Credentials("P12345678", CLIENT_ID, CLIENT_SECRET),
            token,
            Grant.make(token, 0.0),
            Transport(proxy=PROXY),
            Network(None, PROXY, ()),
            Vault((STORE_KEY,)),
            Answer(200, {"x": BOT_TOKEN}, {"x": LINK}),
            session,
        )
        assert find("".join(f"{value!r} {value}" for value in values)) == ""
    assert isinstance(session, aiohttp.ClientSession)


@pytest.mark.parametrize("link", [LINK, "javascript:CANARY"])
async def test_what_carries_a_link_does_not_show_it(start: Start, link: str) -> None:
    """From the event to the message, no value shows the link."""
    snapshot = make_account(make_connection("pending", make_request(link=link)))
    run = start(FakeSource(snapshot))
    await run.poller.poll(TARGET)
    state = run.database.run_now(lambda books: books.load_accounts([TARGET.account_id]))
    dossier = load_dossier(run.database)
    message = compose("n", dossier, House(), NOW)
    values = (snapshot, state, dossier, message, message.action, SignatureLink(link))
    assert find("".join(f"{value!r} {value}" for value in values)) == ""
    assert is_dataclass(message.action)
    assert find(repr(RefusedLink(Outside(link), "x")) + repr(Event(None, None, "", None, LINK))) == ""


def load_dossier(database: Database) -> Dossier:
    """Load what is known of the one change that is to be told."""
    ((change_id,),) = database.read_now(lambda one: one.exec_driver_sql("SELECT change_id FROM outbox").all())
    one = Notification("n", change_id, "", "sales", "to sales", "")
    return database.run_now(lambda books: books.load_dossiers([one]))["n"]
