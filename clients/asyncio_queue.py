"""asyncio and aiohttp: `limit` workers take URLs from a queue."""

import asyncio

import aiohttp


async def work(session, queue, bodies, handle):
    while not queue.empty():
        position, url = queue.get_nowait()
        async with session.get(url) as response:
            bodies[position] = handle(await response.text())


async def main(urls, limit, handle):
    queue, bodies = asyncio.Queue(), [None] * len(urls)
    for item in enumerate(urls):
        queue.put_nowait(item)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session, queue, bodies, handle) for _ in range(limit)))
    return bodies
