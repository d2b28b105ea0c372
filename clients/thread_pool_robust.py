"""A pool of `limit` threads with timeouts, retries and a rate; a failure loses no other answer."""

from concurrent.futures import ThreadPoolExecutor
from math import ceil

import requests
from pyrate_limiter import Limiter, Rate
from requests.exceptions import ChunkedEncodingError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exception, wait_exponential_jitter
from urllib3.exceptions import ReadTimeoutError


def is_retryable(error):
    if isinstance(error, requests.HTTPError):
        return error.response.status_code in {429, 503}
    # A timeout is not retried: a slow answer would use up all attempts.
    timed_out = isinstance(error, requests.Timeout) or isinstance(error.__context__, ReadTimeoutError)
    return isinstance(error, requests.ConnectionError | ChunkedEncodingError) and not timed_out


def retry_after(error):
    return float(error.response.headers.get("Retry-After", 0)) if isinstance(error, requests.HTTPError) else 0


def main(urls, limit, timeout, handle, rate):
    limiter = rate and Limiter(Rate(1, ceil(1000 / rate)), buffer_ms=0)  # evenly spaced, not in bursts
    wait = wait_exponential_jitter(multiplier=0.5, jitter=0.5) + wait_exception(retry_after)

    @retry(retry=retry_if_exception(is_retryable), wait=wait, stop=stop_after_attempt(4), reraise=True)
    def fetch(url):
        if limiter:
            limiter.try_acquire(url)
        # The timeout applies to the connection and to each read, not to the whole request.
        response = requests.get(url, timeout=timeout)
        response.raise_for_status()
        return handle(response.text)

    with ThreadPoolExecutor(max_workers=limit) as pool:
        futures = [pool.submit(fetch, url) for url in urls]
    return [future.exception() or future.result() for future in futures]
