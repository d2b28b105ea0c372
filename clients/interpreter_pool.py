"""A pool of `limit` interpreters in one process, each with a GIL of its own (Python 3.14)."""

from concurrent.futures import InterpreterPoolExecutor

import requests

REQUIRES_PYTHON = (3, 14)


def fetch(url):
    return requests.get(url).text


def main(urls, limit):
    with InterpreterPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls))
