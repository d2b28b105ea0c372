"""trio and httpx: a CapacityLimiter keeps at most `limit` requests in flight."""

import httpx
import trio


async def fetch_all(urls, limit, handle):
    bodies = [None] * len(urls)
    limiter = trio.CapacityLimiter(limit)

    async def fetch(position, url):
        async with limiter:
            bodies[position] = handle((await client.get(url)).text)

    limits = httpx.Limits(max_connections=None)  # only the limiter limits the requests
    async with httpx.AsyncClient(limits=limits, timeout=None) as client, trio.open_nursery() as nursery:
        for position, url in enumerate(urls):
            nursery.start_soon(fetch, position, url)
    return bodies


def main(urls, limit, handle):
    return trio.run(fetch_all, urls, limit, handle)
