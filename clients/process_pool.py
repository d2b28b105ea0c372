"""A pool of `limit` processes, with multiprocessing."""

import multiprocessing
import sys

import requests

# Forking is the quickest start, and safe here: nothing else runs yet. macOS does not bear it.
START = "fork" if sys.platform == "linux" else "spawn"


def fetch(url):
    return requests.get(url).text


def main(urls, limit):
    with multiprocessing.get_context(START).Pool(limit) as pool:
        return pool.map(fetch, urls, chunksize=1)
