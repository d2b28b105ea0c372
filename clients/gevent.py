"""gevent: a pool of `limit` greenlets that call requests.get, made cooperative by monkey-patching."""

from gevent import monkey

monkey.patch_all()  # before anything else opens a socket

import requests  # noqa: E402
from gevent.pool import Pool  # noqa: E402


def fetch(url):
    return requests.get(url).text


def main(urls, limit):
    return Pool(limit).map(fetch, urls)
