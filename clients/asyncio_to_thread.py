"""asyncio: the blocking requests.get runs in the event loop's thread pool."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import requests


def fetch(url, handle):
    return handle(requests.get(url).text)


async def main(urls, limit, handle):
    # The default pool has min(32, CPUs + 4) threads.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(limit))
    return await asyncio.gather(*(asyncio.to_thread(fetch, url, handle) for url in urls))
