"""Credentials and messages go to Dintero and Slack and to nobody else, over TLS that is verified."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from notifier import app
from notifier.errors import ConfigError
from notifier.network import Network
from notifier.settings import Settings
from tests.security.conftest import LINK, Authority, Stage, serve
from tests.security.proxies import ConnectProxy


@asynccontextmanager
async def both_over_tls(
    stage: Stage, dintero: ssl.SSLContext, slack: ssl.SSLContext, host: str = "127.0.0.1"
) -> AsyncIterator[dict[str, str]]:
    """Serve the stage's Dintero and Slack over TLS as well, and give the settings that lead there."""
    async with (
        serve(stage.dintero._handle, dintero) as first,
        serve(stage.slack._handle, slack) as second,
    ):
        yield {
            "DINTERO__BASE_URL": f"https://{host}:{first}/v1",
            "SLACK__BASE_URL": f"https://{host}:{second}/api/",
        }


async def run(settings: Settings) -> str:
    """Run the product once and return its problems as one text."""
    return "\n".join((await app.run_once(settings)).problems)


async def test_a_ca_of_ones_own_works_for_both(stage: Stage, authority: Authority) -> None:
    """With `network.ca_file`, Dintero is read and Slack is told over TLS."""
    stage.ask()
    context = authority.issue("127.0.0.1")
    async with both_over_tls(stage, context, context) as changed:
        assert await run(stage.load(**changed, NETWORK__CA_FILE=str(authority.path))) == ""
    assert LINK in stage.messages[0]


async def test_an_unknown_certificate_gets_no_credentials(stage: Stage, authority: Authority) -> None:
    """A certificate that nobody vouches for is refused before Dintero's credentials are sent."""
    stage.ask()
    context = authority.issue("127.0.0.1")
    async with both_over_tls(stage, context, context) as changed:
        assert "certificate could not be verified" in await run(stage.load(**changed))
    assert not stage.dintero.requests


async def test_an_unknown_certificate_gets_no_message(
    stage: Stage, authority: Authority, stranger: Authority
) -> None:
    """A Slack with a certificate that nobody vouches for gets neither token nor message."""
    stage.ask()
    async with both_over_tls(stage, authority.issue("127.0.0.1"), stranger.issue("127.0.0.1")) as changed:
        settings = stage.load(**changed, NETWORK__CA_FILE=str(authority.path))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("notifier.service.engine.ONCE_PATIENCE_SECONDS", 0.0)
            assert "certificate was not accepted" in await run(settings)
    assert stage.dintero.requests
    assert not stage.slack.requests


async def test_a_certificate_for_another_host_is_refused(stage: Stage, authority: Authority) -> None:
    """A trusted CA's certificate for another name opens nothing."""
    stage.ask()
    context = authority.issue("dintero.example.com", "127.0.0.2")
    async with both_over_tls(stage, context, context) as changed:
        said = await run(stage.load(**changed, NETWORK__CA_FILE=str(authority.path)))
    assert "certificate could not be verified" in said
    assert not stage.dintero.requests


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_gets_nothing(stage: Stage, authority: Authority, status: int) -> None:
    """Wherever a redirect leads, over TLS that is trusted, nothing is sent there."""
    stage.ask()
    asked: list[str] = []

    async def other(request: web.BaseRequest) -> web.Response:
        asked.append(f"{request.path} {dict(request.headers)}")
        return web.json_response({"access_token": "x", "expires_in": 60, "ok": True})

    context = authority.issue("127.0.0.1")
    async with serve(other, context) as port:

        async def redirect(request: web.BaseRequest) -> web.Response:
            location = f"https://127.0.0.1:{port}{request.path}"
            return web.Response(status=status, headers={"Location": location})

        async with serve(redirect, context) as first:
            ca_file = str(authority.path)
            changed = {"DINTERO__BASE_URL": f"https://127.0.0.1:{first}/v1", "NETWORK__CA_FILE": ca_file}
            assert "redirected" in await run(stage.load(**changed))
            changed = {"SLACK__BASE_URL": f"https://127.0.0.1:{first}/api/", "NETWORK__CA_FILE": ca_file}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("notifier.service.engine.ONCE_PATIENCE_SECONDS", 0.0)
                assert "redirect" in await run(stage.load(**changed))
    assert asked == []


async def test_a_proxy_carries_both(stage: Stage, authority: Authority) -> None:
    """Both are reached through the proxy, by names that only it knows, and it sees nothing but names."""
    stage.ask()
    dintero, slack = authority.issue("api.dintero.test"), authority.issue("slack.test")
    async with (
        both_over_tls(stage, dintero, slack) as direct,
        ConnectProxy("user", "CANARY%40password").serve() as proxy,
    ):
        changed = {
            "DINTERO__BASE_URL": direct["DINTERO__BASE_URL"].replace("127.0.0.1", "api.dintero.test"),
            "SLACK__BASE_URL": direct["SLACK__BASE_URL"].replace("127.0.0.1", "slack.test"),
            "NETWORK__PROXY": proxy.address,
            "NETWORK__CA_FILE": str(authority.path),
        }
        assert await run(stage.load(**changed)) == ""
    assert LINK in stage.messages[0]
    assert {host.partition(":")[0] for host in proxy.asked} == {"api.dintero.test", "slack.test"}
    assert b"CANARY" not in proxy.seen.replace(proxy.credentials, b"")


async def test_a_proxy_that_opens_tls_is_refused(stage: Stage, stranger: Authority) -> None:
    """A proxy that puts itself in the middle, with a certificate of its own, gets no credentials."""
    stage.ask()
    asked: list[str] = []

    async def spy(request: web.BaseRequest) -> web.Response:
        asked.append(str(dict(request.headers)))
        return web.json_response({})

    async with (
        serve(spy, stranger.issue("api.dintero.test")) as port,
        ConnectProxy(leads_to=port).serve() as proxy,
    ):
        changed = {"DINTERO__BASE_URL": "https://api.dintero.test/v1", "NETWORK__PROXY": proxy.address}
        assert "certificate could not be verified" in await run(stage.load(**changed))
    assert proxy.asked == ["api.dintero.test:443"]
    assert asked == []


async def test_a_wrong_proxy_password_is_a_sentence(stage: Stage) -> None:
    """What the proxy refuses is said with the setting to mend, and without the password."""
    async with ConnectProxy("user", "right").serve() as proxy:
        address = proxy.address.replace("right", "CANARYpassword")
        changed = {"DINTERO__BASE_URL": "https://api.dintero.test/v1", "NETWORK__PROXY": address}
        said = await run(stage.load(**changed))
    assert "the proxy answered 407" in said
    assert "check the user and password in its address" in said
    assert "CANARY" not in said


async def test_what_a_proxy_refuses_was_not_sent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that the proxy would not carry is surely not taken: it is in no doubt."""
    stage.ask()
    monkeypatch.setattr("notifier.service.engine.ONCE_PATIENCE_SECONDS", 0.0)
    async with ConnectProxy("user", "right").serve() as proxy:
        address = proxy.address.replace("right", "wrong")
        said = await run(stage.load(SLACK__BASE_URL="https://slack.test/api/", NETWORK__PROXY=address))
    assert "the proxy refused to connect before the request was sent" in said


async def test_what_is_no_tls_goes_past_the_proxy(stage: Stage) -> None:
    """Plain HTTP, which the settings allow to this machine alone, is never shown to a proxy."""
    stage.ask()
    assert await run(stage.load(NETWORK__PROXY="http://127.0.0.1:1")) == ""
    assert len(stage.messages) == 1


@pytest.mark.parametrize(
    ("address", "is_direct"),
    [
        ("https://api.dintero.com/v1", True),
        ("https://hooks.slack.com/services/x", True),
        ("https://slack.com/api/", False),
        ("https://notdintero.com/v1", False),
        ("http://127.0.0.1:80/", True),
    ],
)
def test_no_proxy_names_hosts(address: str, *, is_direct: bool) -> None:
    """A name stands for one host, and `*.` for all below it."""
    network = Network(None, "http://proxy:1", ("api.dintero.com", "*.slack.com"))
    assert (network.find_proxy(address) is None) is is_direct


@pytest.mark.parametrize("target", ["DINTERO__BASE_URL", "SLACK__BASE_URL"])
async def test_a_name_that_is_not_found_is_a_sentence(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A host that nobody knows is said without a word of what was to be sent to it."""
    stage.ask()

    async def find_nothing(_self: object, host: str, *_rest: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, f"CANARY {host}")

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", find_nothing)
    monkeypatch.setattr("notifier.service.engine.ONCE_PATIENCE_SECONDS", 0.0)
    said = await run(stage.load(**{target: "https://nowhere.example.com/api"}))
    assert "name was not found" in said
    assert "CANARY" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "names a file that does not exist"),
        ("", "holds no certificates in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n", "or a broken one"),
    ],
)
async def test_a_ca_file_that_cannot_be_used_is_a_sentence(
    stage: Stage, content: str | None, said: str
) -> None:
    """A missing or broken file of certificates is one mistake in the settings, before anything is sent."""
    path = make_file(stage.folder / "ca.pem", content)
    with pytest.raises(ConfigError) as caught:
        await app.run_once(stage.load(NETWORK__CA_FILE=str(path)))
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]
    assert "NOTIFIER_NETWORK__CA_FILE" in caught.value.problems[0]
    assert "CANARY" not in str(caught.value)
    assert not stage.dintero.requests


def make_file(path: Path, content: str | None) -> Path:
    """Write a file, or leave it out where there is no content."""
    if content is not None:
        path.write_text(content)
    return path
