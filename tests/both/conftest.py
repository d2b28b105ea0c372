"""What the end-to-end tests of both runtimes share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.checkout import Checkout, docker

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
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with approaches of every bad kind beside the good ones."""
    copy = Checkout.copy_to(tmp_path_factory.mktemp("checkout"))
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
    """Fail if a process, a container or a network of this checkout is left."""
    assert [process.cmdline() for process in checkout.processes()] == []
    folders = (notes.parent for notes in Path("/tmp").glob("lab-*-*/concurrency-lab.notes"))
    # Another lab may run on this machine; a folder's name begins with the process id of its owner.
    assert [folder for folder in folders if not psutil.pid_exists(int(folder.name.split("-")[1]))] == []
    prefix = lab_prefix(checkout)
    try:
        containers = docker("ps", "--all", "--format", "{{.Names}}")
        networks = docker("network", "ls", "--format", "{{.Name}}")
    except (FileNotFoundError, subprocess.CalledProcessError):  # no engine, so nothing of it either
        assert os.environ.get("LAB_REQUIRE_DOCKER") != "1"
        return
    assert [name for name in containers + networks if name.startswith(prefix)] == []


def lab_prefix(checkout: Checkout) -> str:
    """What the Compose projects of this checkout begin with."""
    import hashlib  # noqa: PLC0415
    import platform  # noqa: PLC0415

    return f"lab-{hashlib.sha256(f'{platform.node()}:{checkout.root}'.encode()).hexdigest()[:8]}-"
