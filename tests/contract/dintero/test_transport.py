"""Bounds, TLS and proxies."""

import asyncio
import ssl
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from notifier.dintero import Transport
from notifier.errors import SourceMalformed, SourceRejected
from notifier.sandbox import SandboxDintero, huge
from tests.contract.dintero.conftest import CONNECTION, MakeSource
from tests.security.proxies import ConnectProxy

CERTIFICATE = Path(__file__).parents[2] / "samples" / "dintero" / "loopback.pem"
MEBIBYTE = 1024 * 1024


Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


@asynccontextmanager
async def serve(handler: Handler, ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve one handler on a free port; gives the host and the port."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def answer_anything(request: web.BaseRequest) -> web.Response:
    """Give a token to who posts and a connection to who reads."""
    if request.method == "POST":
        return web.json_response({"access_token": "token", "expires_in": 60})
    return web.json_response({"status": "pending"})


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_hundred_megabytes_are_not_read(
    make_source: MakeSource, dintero: SandboxDintero, is_declared: bool
) -> None:
    """A body over the bound is malformed, and is given up at the bound."""
    source = make_source(body_bytes=MEBIBYTE)
    await source.read(CONNECTION, None)
    dintero.faults.add(huge(is_declared=is_declared).on("GET", times=None))
    tracemalloc.start()
    try:
        with pytest.raises(SourceMalformed, match="longer than the bound of 1,048,576 bytes"):
            await source.read(CONNECTION, None)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 6 * MEBIBYTE


async def test_a_bomb_is_bound_by_what_it_becomes(make_source: MakeSource) -> None:
    """The bound is on decompressed bytes."""

    async def explode(request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            return await answer_anything(request)
        response = web.Response(body=b'{"status": "' + b" " * 20 * MEBIBYTE + b'"}')
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serve(explode) as host:
        source = make_source(base_url=f"http://{host}", body_bytes=MEBIBYTE)
        with pytest.raises(SourceMalformed, match="longer than the bound"):
            await source.read(CONNECTION, None)


async def test_long_bodies_share_a_bound(make_source: MakeSource) -> None:
    """Twenty bodies that do not fit at once are all read."""

    async def answer_at_length(request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            return await answer_anything(request)
        return web.json_response({"status": "pending", "configuration": "x" * 300_000})

    async with serve(answer_at_length) as host:
        source = make_source(
            base_url=f"http://{host}", body_bytes=400_000, bodies_bytes=800_000, concurrency=10
        )
        readings = await asyncio.gather(*(source.read(CONNECTION, None) for _ in range(20)))
        assert all(readings)
        with source._api._client._budget.lease() as lease:
            await lease.take(400_000)
            assert not lease.has_reserve, "something of what was read was not given back"


async def test_no_more_connections_than_allowed(make_source: MakeSource) -> None:
    """A request beyond `concurrency` waits for one of the others."""
    now, most = 0, 0

    async def count(request: web.BaseRequest) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return await answer_anything(request)

    async with serve(count) as host:
        source = make_source(base_url=f"http://{host}", concurrency=3)
        await asyncio.gather(*(source.read(CONNECTION, None) for _ in range(20)))
    assert 1 < most <= 3


async def test_certificates_are_verified(make_source: MakeSource) -> None:
    """An unknown certificate is refused and not repeated; a certificate to trust makes it work."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    async with serve(answer_anything, server) as host:
        base_url = f"https://{host}/v1"
        with pytest.raises(SourceRejected, match="certificate could not be verified"):
            await make_source(base_url=base_url).read(CONNECTION, None)
        trusting = make_source(base_url=base_url, ssl=ssl.create_default_context(cafile=CERTIFICATE))
        assert await trusting.read(CONNECTION, None) is not None
        await trusting.close()


@pytest.mark.parametrize("by_environment", [False, True])
async def test_a_proxy_is_used(
    make_source: MakeSource, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    """Requests go through the proxy, with its credentials, given or from the environment."""
    asked: list[tuple[str, str]] = []

    async def relay(request: web.BaseRequest) -> web.Response:
        asked.append((request.headers["Host"], request.headers.get("Proxy-Authorization", "")))
        return await answer_anything(request)

    async with serve(relay) as host:
        address = f"http://user:CANARY@{host}"
        if by_environment:
            monkeypatch.setenv("http_proxy", address)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
        options = {"trust_env": True} if by_environment else {"proxy": address}
        source = make_source(base_url="http://dintero.invalid/v1", **options)
        assert await source.read(CONNECTION, None) is not None
        assert asked == [("dintero.invalid", f"Basic {b64encode(b'user:CANARY').decode()}")] * 2
        assert "CANARY" not in repr(Transport(proxy=address)) + repr(vars(source._api._client))


async def test_a_proxy_learns_no_token(make_source: MakeSource) -> None:
    """What opens a tunnel must carry nothing that is for Dintero, and one tunnel must do for all requests."""
    tokens = iter(["CANARY-1", "CANARY-2"])
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            return web.json_response({"access_token": next(tokens), "expires_in": 60})
        seen.append(request.headers["Authorization"])
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        status = 200 if "CANARY-2" in seen[-1] else 401
        return web.json_response({"status": "pending"}, status=status, headers={"ETag": '"1"'})

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    trusted = ssl.create_default_context(cafile=CERTIFICATE)
    async with serve(answer, server) as host, ConnectProxy().serve() as proxy:
        source = make_source(base_url=f"https://{host}/v1", proxy=proxy.address, ssl=trusted)
        reading = await source.read(CONNECTION, None)
        assert reading is not None
        assert await source.read(CONNECTION, reading.fingerprint) is None
        await source.close()
    assert seen == ["Bearer CANARY-1", "Bearer CANARY-2", "Bearer CANARY-2"]
    assert proxy.asked == [host]
    assert b"CANARY" not in proxy.seen
    assert b"authorization" not in proxy.seen.lower()


async def test_the_environment_is_left_alone_unless_asked(
    make_source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `trust_env`, a proxy in the environment changes nothing; with it, NO_PROXY holds."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert await make_source().read(CONNECTION, None) is not None
    assert await make_source(trust_env=True).read(CONNECTION, None) is not None
