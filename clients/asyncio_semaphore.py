"""asyncio and aiohttp: a semaphore lets at most `limit` requests go at once."""

import asyncio

import aiohttp


async def fetch(session, semaphore, url, handle):
    async with semaphore, session.get(url) as response:
        return handle(await response.text())


async def main(urls, limit, handle):
    semaphore = asyncio.Semaphore(limit)
    connector = aiohttp.TCPConnector(limit=0)  # the semaphore alone decides
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(fetch(session, semaphore, url, handle) for url in urls))
