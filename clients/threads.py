"""One thread per URL; a queue collects the answers."""

from queue import Queue
from threading import Thread

import requests


def fetch(position, url, handle, answers):
    answers.put((position, handle(requests.get(url).text)))


def main(urls, handle):
    answers = Queue()
    threads = [Thread(target=fetch, args=(position, url, handle, answers)) for position, url in enumerate(urls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [body for _, body in sorted(answers.get() for _ in range(answers.qsize()))]
