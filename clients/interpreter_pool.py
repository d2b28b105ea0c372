"""A pool of `limit` interpreters in one process, each with its own GIL (Python 3.14)."""

from concurrent.futures import InterpreterPoolExecutor
from itertools import repeat

import requests

REQUIRES_PYTHON = (3, 14)
OWN_GILS = True  # each worker has its own GIL


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with InterpreterPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls, repeat(handle)))
