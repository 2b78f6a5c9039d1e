"""How a fault of the plan is caused on an aiohttp request."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from notifier.sandbox.fault_kinds import Fault, Kind

Sleep = Callable[[float], Awaitable[object]]
Effect = Callable[[], Awaitable[web.StreamResponse]]
"""Does what the request asks and returns the true answer."""

PIECE_BYTES = 64 * 1024
WITHOUT_EFFECT = frozenset(
    {Kind.ANSWER, Kind.HTML, Kind.WRONG_SHAPE, Kind.REDIRECT, Kind.HANG, Kind.RESET, Kind.HUGE}
)
NO_LINGER = struct.pack("ii", 1, 0)


async def cause(fault: Fault, request: web.BaseRequest, effect: Effect, sleep: Sleep) -> web.StreamResponse:
    """Answer a request as the fault says; see `Kind` for each fault's effect."""
    if fault.kind in (Kind.HANG, Kind.DELAY):
        await sleep(fault.seconds)
    if fault.kind in WITHOUT_EFFECT:
        return await _without_effect(fault, request)
    response = await effect()
    match fault.kind:
        case Kind.ANSWER_AFTER:
            return _given_answer(fault)
        case Kind.RESET_AFTER:
            return _reset(request)
        case Kind.CUT_SHORT:
            return await _cut_short(request, response)
        case Kind.DRIP:
            return await _drip(fault, request, response, sleep)
        case Kind.HANG_AFTER:
            await sleep(fault.seconds)
    return response


async def _without_effect(fault: Fault, request: web.BaseRequest) -> web.StreamResponse:
    if fault.kind in (Kind.HANG, Kind.RESET):
        return _reset(request)
    return await _huge(fault, request) if fault.kind is Kind.HUGE else _given_answer(fault)


def _given_answer(fault: Fault) -> web.Response:
    return web.Response(status=fault.status, headers=fault.headers, body=fault.body)


def _reset(request: web.BaseRequest) -> web.Response:
    """Reset the TCP connection (RST, not FIN) and return an answer that cannot be sent."""
    transport = request.transport
    if isinstance(transport, asyncio.Transport):
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    response = web.Response()
    response.force_close()
    return response


def _copy_of_head(response: web.StreamResponse) -> web.StreamResponse:
    copy = web.StreamResponse(status=response.status, headers=response.headers)
    copy.force_close()
    return copy


def _body_of(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


async def _cut_short(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    body = _body_of(response)
    cut = _copy_of_head(response)
    cut.content_length = max(len(body), 2)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    return cut


async def _drip(
    fault: Fault, request: web.BaseRequest, response: web.StreamResponse, sleep: Sleep
) -> web.StreamResponse:
    body = _body_of(response)
    slow = _copy_of_head(response)
    slow.content_length = len(body)
    await slow.prepare(request)
    for start in range(0, len(body), max(fault.size_bytes, 1)):
        await sleep(fault.seconds)
        await slow.write(body[start : start + max(fault.size_bytes, 1)])
    return slow


async def _huge(fault: Fault, request: web.BaseRequest) -> web.StreamResponse:
    """Stream one long JSON string, never holding more than a piece of it."""
    big = web.StreamResponse(headers=fault.headers)
    big.force_close()
    await big.prepare(request)
    await big.write(b'"')
    left = fault.size_bytes - 2
    piece = b"x" * PIECE_BYTES
    while left > 0:
        await big.write(piece[: min(left, PIECE_BYTES)])
        left -= PIECE_BYTES
    await big.write(b'"')
    return big
