"""Fixtures of the end-to-end tests that run in both runtimes."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests import leftovers
from tests.checkout import Checkout

APPROACHES = {
    "skips": "import requests\ndef main(urls):\n    return [requests.get(url).text for url in urls[:-1]]\n",
    "repeats": """
import requests
def main(urls):
    return [requests.get(url).text for url in [urls[0], *urls]][1:]
""",
    "swaps": "import requests\ndef main(urls):\n    return [requests.get(url).text for url in urls][::-1]\n",
    "nothing": "def main(urls):\n    return [f'{n} made up' for n in range(1, len(urls) + 1)]\n",
    "greedy": """
from concurrent.futures import ThreadPoolExecutor
import requests
def main(urls, limit):
    with ThreadPoolExecutor(len(urls)) as pool:
        return [answer.text for answer in pool.map(requests.get, urls)]
""",
    "raises": "def main(urls):\n    raise ValueError('on purpose')\n",
    "exits": "import os, sys\ndef main(urls):\n    print('last words', file=sys.stderr, flush=True)\n    os._exit(7)\n",
    "killed": "import os, signal\ndef main(urls):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "hangs": """
import subprocess, sys, time
def main(urls):
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    time.sleep(600)
""",
    "noisy": """
import os, sys
import requests
def main(urls):
    os.write(1, b'\\xff\\xfe not UTF-8\\n{"v": 1, "event": "done"}\\n' * 5000)
    os.write(2, b'\\x00\\x1b[31m\\n')
    print('hello', flush=True)
    return [requests.get(url).content for url in urls]
""",
}


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Checkout]:
    """A checkout with bad approaches of every kind beside the good ones, and an image that no other worker has."""
    copy = Checkout.copy_to(tmp_path_factory.mktemp("checkout"))
    copy.add_approach("mine", f"def main(urls):\n    return ['{worker_id}' for url in urls]\n")
    for name, source in APPROACHES.items():
        copy.add_approach(name, source)
    yield copy
    copy.remove_images()


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def runtime(request: pytest.FixtureRequest, checkout: Checkout) -> Iterator[str]:
    """Each runtime in turn; afterwards nothing of the lab is left on the machine."""
    yield request.param
    nothing_left(checkout)


def nothing_left(checkout: Checkout) -> None:
    """Fail if a process, a container, a network or a temporary folder of a lab is left."""
    assert [process.cmdline() for process in checkout.processes()] == []
    root = leftovers.folder()
    assert leftovers.remaining(root) == []
    # The name of a harness's folder contains the process id of its owner.
    folders = [log.parent.name for log in root.glob("lab-*-*/concurrency-lab.events")]
    assert [name for name in folders if not psutil.pid_exists(int(name.split("-")[1]))] == []
