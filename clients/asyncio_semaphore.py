"""asyncio and aiohttp: a semaphore lets at most `limit` requests go at once."""

import asyncio

import aiohttp


async def fetch(session, semaphore, url):
    async with semaphore, session.get(url) as response:
        return await response.text()


async def main(urls, limit):
    semaphore = asyncio.Semaphore(limit)
    connector = aiohttp.TCPConnector(limit=0)  # the semaphore alone decides
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(fetch(session, semaphore, url) for url in urls))
