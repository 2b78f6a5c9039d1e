"""For how long a request may still arrive that nobody waits for any more: not at all."""

import socket
import sys

import pytest
from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestServer

from notifier.receivers.session import _make_socket, open_session

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


def test_a_kernel_that_does_not_know_how_is_used_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some of Linux is there, messages must still be sent."""
    monkeypatch.setattr(socket, "TCP_USER_TIMEOUT", 9_999, raising=False)
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with _make_socket(address, SECONDS) as made:
        assert made.fileno() >= 0
