"""asyncio and httpx: the connection pool keeps at most `limit` requests in flight."""

import asyncio

import httpx


async def fetch(client, url, handle):
    response = await client.get(url)
    return handle(response.text)


async def main(urls, limit, handle):
    # httpx has a default timeout of 5 s, which includes the wait for a free connection.
    limits = httpx.Limits(max_connections=limit)
    async with httpx.AsyncClient(limits=limits, timeout=None) as client:
        return await asyncio.gather(*(fetch(client, url, handle) for url in urls))
