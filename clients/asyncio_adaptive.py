"""asyncio and aiohttp with timeouts and retries; learns the rate that the server accepts."""

import asyncio

import aiohttp
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter


def is_retryable(error):
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in {429, 503}
    connection_lost = isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    return connection_lost and not isinstance(error, TimeoutError)


async def main(urls, limit, timeout, handle):
    slots, lock, now = asyncio.Semaphore(limit), asyncio.Lock(), asyncio.get_running_loop().time
    # Requests per second; its increase per answer; earliest start of the next request; end of the last pause.
    rate, growth, next_start, resumed = 2 * limit, 1, 0, now()
    wait = wait_exponential_jitter(multiplier=0.5, jitter=0.5)

    async def wait_for_turn():
        nonlocal next_start
        async with lock:
            while (wait_s := next_start - now()) > 0:
                await asyncio.sleep(wait_s)
            next_start = now() + 1 / rate

    def slow_down(sent, pause):
        nonlocal rate, growth, next_start, resumed
        next_start = max(next_start, now() + pause)  # pauses all requests
        if sent >= resumed:  # a request sent before the last pause gives no new information
            active_share = (now() - resumed) / (next_start - resumed)  # of the time until the end of this pause
            rate, growth, resumed = max(0.9 * active_share * rate, 1 / pause), 0.03, next_start

    @retry(retry=retry_if_exception(is_retryable), wait=wait, stop=stop_after_attempt(4), reraise=True)
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

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout), connector=connector) as session:
        return await asyncio.gather(*map(fetch, urls), return_exceptions=True)
