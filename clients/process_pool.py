"""A pool of `limit` processes (multiprocessing) that call requests.get."""

import multiprocessing
import sys
from itertools import repeat

import requests

OWN_GILS = True  # each worker has its own GIL
# Forking is the fastest start. It is safe here, because no other thread runs yet, but not on macOS.
START_METHOD = "fork" if sys.platform == "linux" else "spawn"


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with multiprocessing.get_context(START_METHOD).Pool(limit) as pool:
        return pool.starmap(fetch, zip(urls, repeat(handle)), chunksize=1)
