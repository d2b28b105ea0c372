"""asyncio and aiohttp: all requests at once."""

import asyncio

import aiohttp


async def fetch(session, url):
    async with session.get(url) as response:
        return await response.text()


async def main(urls):
    connector = aiohttp.TCPConnector(limit=0)  # or aiohttp would hold back all but 100
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(fetch(session, url) for url in urls))
