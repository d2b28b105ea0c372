"""A plain Locust file: users that call the slow server repeatedly.

    python lab.py up
    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --web-host 127.0.0.1            with web page
    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --headless --users 3 --run-time 10s

Locust's own tables round response times above one second to 100 ms. `python lab.py load` keeps the exact values.
"""

import os
from itertools import count

from locust import FastHttpUser, task

NAME = "the slow server"  # all paths are one line in Locust's tables


class Caller(FastHttpUser):
    """A user that sends its next request after each answer."""

    numbers = count(1)

    @task
    def call(self) -> None:
        self.client.get(f"/locust/{os.getpid()}-{next(self.numbers)}", name=NAME)
