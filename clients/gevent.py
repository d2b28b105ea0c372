"""gevent: a pool of `limit` greenlets that call requests.get, after monkey-patching."""

from functools import partial

from gevent import monkey

monkey.patch_all()  # before any other module imports socket

import requests  # noqa: E402
from gevent.pool import Pool  # noqa: E402


def fetch(url, handle):
    return handle(requests.get(url).text)


def main(urls, limit, handle):
    return Pool(limit).map(partial(fetch, handle=handle), urls)
