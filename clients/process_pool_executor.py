"""A pool of `limit` processes (concurrent.futures), started in the platform's default way."""

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import requests

OWN_GILS = True  # each worker has its own GIL


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with ProcessPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls, repeat(handle)))
