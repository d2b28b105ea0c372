"""A pool of `limit` threads, with concurrent.futures."""

from concurrent.futures import ThreadPoolExecutor

import requests


def fetch(url):
    return requests.get(url).text


def main(urls, limit):
    with ThreadPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(fetch, urls))
