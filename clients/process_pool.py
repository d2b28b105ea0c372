"""A pool of `limit` processes, with multiprocessing."""

import multiprocessing
import sys
from itertools import repeat

import requests

OWN_GILS = True  # each worker has a GIL of its own
# Forking is the quickest start, and safe here: nothing else runs yet. macOS does not bear it.
START = "fork" if sys.platform == "linux" else "spawn"


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    with multiprocessing.get_context(START).Pool(limit) as pool:
        return pool.starmap(fetch, zip(urls, repeat(handle)), chunksize=1)
