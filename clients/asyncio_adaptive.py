"""asyncio and aiohttp: finds by itself how many requests a second the server takes."""

import asyncio

import aiohttp
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter


def worth_another_try(error):
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in {429, 503}
    broken = isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    return broken and not isinstance(error, TimeoutError)


async def main(urls, limit, timeout, handle):
    now, slots, gate = asyncio.get_running_loop().time, asyncio.Semaphore(limit), asyncio.Lock()
    # Requests a second; what each answer adds to that, at first much; when the next may go; since when they go.
    rate, growth, turn, since = 2 * limit, 1, 0, now()
    wait = wait_exponential_jitter(multiplier=0.5, jitter=0.5)

    async def wait_for_turn():
        nonlocal turn
        async with gate:
            while (early := turn - now()) > 0:
                await asyncio.sleep(early)
            turn = now() + 1 / rate

    def slow_down(sent, pause):
        nonlocal rate, growth, turn, since
        turn = max(turn, now() + pause)  # for all of them
        if sent >= since:  # those that were on their way meanwhile tell nothing new
            share = (now() - since) / (turn - since)  # of the time until then they went, the rest is pause
            rate, growth, since = max(0.9 * share * rate, 1 / pause), 0.03, turn

    @retry(retry=retry_if_exception(worth_another_try), wait=wait, stop=stop_after_attempt(4), reraise=True)
    async def fetch(url):
        nonlocal rate
        async with slots:
            await wait_for_turn()
            sent = now()
            async with session.get(url) as response:
                if response.status in {429, 503}:
                    slow_down(sent, float(response.headers.get("Retry-After", 0.1)))
                response.raise_for_status()
                body = await response.text()
        rate += growth
        return handle(body)

    options = {"timeout": aiohttp.ClientTimeout(timeout), "connector": aiohttp.TCPConnector(limit=0)}
    async with aiohttp.ClientSession(**options) as session:
        return await asyncio.gather(*map(fetch, urls), return_exceptions=True)
