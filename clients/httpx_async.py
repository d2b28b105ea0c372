"""asyncio and httpx: its own connection pool holds back all but `limit` requests."""

import asyncio

import httpx


async def fetch(client, url, handle):
    response = await client.get(url)
    return handle(response.text)


async def main(urls, limit, handle):
    # No timeout, as elsewhere here; httpx would give up after 5 s, the wait for a connection included.
    limits = httpx.Limits(max_connections=limit)
    async with httpx.AsyncClient(limits=limits, timeout=None) as client:
        return await asyncio.gather(*(fetch(client, url, handle) for url in urls))
