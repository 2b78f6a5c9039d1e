"""The bare aiohttp GET loop that polls are measured beside: no notifier, and no look at any answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import cycle
from time import monotonic
from typing import Final

import aiohttp
from yarl import URL

from benchmarks.alternating import Work
from benchmarks.population import list_account_ids, make_path
from notifier import __version__

_HEADERS: Final = {
    # What the product sends with every request.
    "Authorization": "Bearer canned",
    "Dintero-System-Name": "dintero-notifier",
    "Dintero-System-Version": __version__,
    "User-Agent": f"dintero-notifier/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}


@asynccontextmanager
async def open_bare(base_url: str, connections: int, seconds: float, concurrency: int) -> AsyncIterator[Work]:
    """Open a loop over so many connections that runs for so long, with so many requests at once.

    Its session has no cookie jar, as the product's, so that both do the same.
    """
    root = base_url.removesuffix("/v1")
    urls = [URL(f"{root}{make_path(account_id)}") for account_id in list_account_ids(connections)]
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS
    ) as session:
        headers = [await _learn_etag(session, url) for url in urls]

        async def work() -> int:
            until = monotonic() + seconds
            requests = cycle(zip(urls, headers, strict=True))
            counts = await asyncio.gather(*(_get(session, requests, until) for _ in range(concurrency)))
            return sum(counts)

        yield work


async def _get(
    session: aiohttp.ClientSession, requests: Iterator[tuple[URL, Mapping[str, str]]], until: float
) -> int:
    count = 0
    while monotonic() < until:
        url, headers = next(requests)
        async with session.get(url, headers=headers) as response:
            await response.read()
        count += 1
    return count


async def _learn_etag(session: aiohttp.ClientSession, url: URL) -> Mapping[str, str]:
    async with session.get(url) as response:
        etag = response.headers.get("ETag")
    return {"If-None-Match": etag} if etag else {}
