"""asyncio and aiohttp: a semaphore keeps at most `limit` requests in flight."""

import asyncio

import aiohttp


async def fetch(session, semaphore, url, handle):
    async with semaphore, session.get(url) as response:
        return handle(await response.text())


async def main(urls, limit, handle):
    semaphore = asyncio.Semaphore(limit)
    connector = aiohttp.TCPConnector(limit=0)  # only the semaphore limits the requests
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(fetch(session, semaphore, url, handle) for url in urls))
