"""Users that call the slow server again and again: an ordinary Locust file.

    python lab.py up
    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --web-host 127.0.0.1            with Locust's page
    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --headless --users 3 --run-time 10s

Locust's own tables count response times above a second in steps of 100 ms. `python lab.py load` keeps each as it was.
"""

import os
from itertools import count

from locust import FastHttpUser, task

NAME = "the slow server"  # one line in Locust's tables, however many paths there are


class Caller(FastHttpUser):
    """One user, who asks again as soon as there is an answer."""

    numbers = count(1)

    @task
    def call(self) -> None:
        self.client.get(f"/locust/{os.getpid()}-{next(self.numbers)}", name=NAME)
