"""One request after another, with requests."""

import requests

MAX_IN_FLIGHT = 1


def main(urls, handle):
    return [handle(requests.get(url).text) for url in urls]
