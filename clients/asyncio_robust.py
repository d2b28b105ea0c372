"""asyncio and aiohttp with timeouts, retries and a rate; a failure loses no other answer."""

import asyncio
from contextlib import nullcontext

import aiohttp
from aiolimiter import AsyncLimiter
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exception, wait_exponential_jitter


def is_retryable(error):
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in {429, 503}
    # A timeout is not retried: a slow answer would use up all attempts.
    connection_lost = isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    return connection_lost and not isinstance(error, TimeoutError)


def retry_after(error):
    return float(error.headers.get("Retry-After", 0)) if isinstance(error, aiohttp.ClientResponseError) else 0


async def main(urls, limit, timeout, handle, rate):
    slots = asyncio.Semaphore(limit)
    limiter = AsyncLimiter(1, 1 / rate) if rate else nullcontext()  # evenly spaced, not in bursts of `rate`
    wait = wait_exponential_jitter(multiplier=0.5, jitter=0.5) + wait_exception(retry_after)

    @retry(retry=retry_if_exception(is_retryable), wait=wait, stop=stop_after_attempt(4), reraise=True)
    async def fetch(url):
        async with slots, limiter, session.get(url) as response:
            return handle(await response.text())

    options = {"timeout": aiohttp.ClientTimeout(timeout), "raise_for_status": True}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), **options) as session:
        return await asyncio.gather(*map(fetch, urls), return_exceptions=True)
