"""A pool of `limit` threads (concurrent.futures) that call requests.get."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import requests


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with ThreadPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls, repeat(handle)))
