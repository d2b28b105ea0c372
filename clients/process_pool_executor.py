"""A pool of `limit` processes, with concurrent.futures and the platform's own way of starting them."""

from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import requests

OWN_GILS = True  # each worker has a GIL of its own


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with ProcessPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls, repeat(handle)))
