"""A pool of `limit` processes, with concurrent.futures and the platform's own way of starting them."""

from concurrent.futures import ProcessPoolExecutor

import requests


def fetch(url):
    return requests.get(url).text


def main(urls, limit):
    with ProcessPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls))
