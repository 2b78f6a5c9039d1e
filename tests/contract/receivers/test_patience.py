"""What is known of requests without an answer: whether they left, and for how long they may still arrive."""

import socket
import sys

import pytest
from aiohttp import ClientError, ClientRequest, ClientSession, ClientTimeout, web
from aiohttp.test_utils import BaseTestServer, TestServer

from notifier.errors import DeliveryAmbiguous, DeliveryUnavailable
from notifier.receivers.exchange import post
from notifier.receivers.session import _make_socket, open_session, watch_transit

SECONDS = 8.0


async def _greet(_request: web.Request) -> web.Response:
    # Too long to be there as a whole with its beginning: the connection stays in use.
    return web.Response(body=bytes(4_000_000))


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")
async def test_the_kernel_gives_up_what_the_session_has_given_up() -> None:
    """What leaves in the first half of a request's time must arrive in the second half, or never."""
    application = web.Application()
    application.router.add_get("/", _greet)
    async with TestServer(application) as server, open_session(total_seconds=SECONDS) as session:
        assert session.timeout == ClientTimeout(total=SECONDS, connect=SECONDS / 2)
        async with session.get(server.make_url("/")) as response:
            assert response.connection is not None
            assert response.connection.transport is not None
            used = response.connection.transport.get_extra_info("socket")
            milliseconds = used.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert milliseconds == 1000 * SECONDS / 2


async def test_a_request_that_could_not_even_be_made_was_not_sent() -> None:
    """What fails before there is a request leaves no doubt, unless the session says nothing of requests."""
    # aiohttp takes no credentials from two places.
    url, headers = "http://name:word@127.0.0.1:9/", {"Authorization": "Bearer word"}
    for make, expected in ((open_session, DeliveryUnavailable), (ClientSession, DeliveryAmbiguous)):
        async with make() as session:
            with pytest.raises(expected) as caught:
                await post(session, url, b"{}", "It", headers=headers, timeout_seconds=SECONDS, deadline=None)
        assert type(caught.value) is expected


async def test_a_request_that_is_made_again_was_sent() -> None:
    """What left once must count as sent, also where aiohttp then tried in vain to send it once more."""
    servers: list[BaseTestServer] = []

    async def vanish(request: web.Request) -> web.Response:
        # The port is closed before the connection is: the second try finds nobody.
        assert request.transport is not None
        server = servers[0].runner
        assert server is not None
        for site in list(server.sites):
            await site.stop()
        request.transport.abort()
        return web.Response()

    application = web.Application()
    application.router.add_put("/", vanish)
    async with TestServer(application) as server, open_session(total_seconds=SECONDS) as session:
        servers.append(server)
        with watch_transit(session) as transit, pytest.raises(ClientError):
            await session.put(server.make_url("/"))
    assert transit.was_sent


async def test_a_library_that_does_not_say_when_a_request_leaves_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where aiohttp sends requests in another way than the one that is noted, none may count as not sent."""
    monkeypatch.delattr(ClientRequest, "send")
    async with open_session() as session:
        with watch_transit(session) as transit:
            pass
    assert transit.was_sent is None


def test_a_kernel_that_does_not_know_how_is_used_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some of Linux is there, messages must still be sent."""
    monkeypatch.setattr(socket, "TCP_USER_TIMEOUT", 9_999, raising=False)
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with _make_socket(address, SECONDS) as made:
        assert made.fileno() >= 0
