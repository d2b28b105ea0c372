"""asyncio, with the blocking requests.get moved to the loop's own thread pool."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import requests


def fetch(url, handle):
    return handle(requests.get(url).text)


async def main(urls, limit, handle):
    # Without this the pool has min(32, processors + 4) threads, whatever the server bears.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(limit))
    return await asyncio.gather(*(asyncio.to_thread(fetch, url, handle) for url in urls))
