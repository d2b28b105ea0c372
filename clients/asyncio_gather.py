"""asyncio and aiohttp: all requests at once, with gather."""

import asyncio

import aiohttp


async def fetch(session, url, handle):
    async with session.get(url) as response:
        return handle(await response.text())


async def main(urls, handle):
    connector = aiohttp.TCPConnector(limit=0)  # aiohttp opens at most 100 connections by default
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(fetch(session, url, handle) for url in urls))
