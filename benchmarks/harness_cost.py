"""What the harness adds to a makespan: with and without it, on 3 and on 100 requests.

Without: a bare process that imports the approach, takes the clock, calls ``main`` and takes the clock again; no hooks,
no sampler. With: the harness, in protocol mode. Both call the same server (`lab.py up`), in turn, and the ratio is that
of the medians of 7. 3 requests go to 3 sync workers at 0.5 s; 100 go to asgi workers at 0.05 s, with a limit of 10, so
that the client has most of the work.
"""

from __future__ import annotations

import json
import subprocess
import sys

from _lab import ROOT, SIX, in_the_lab, middle, show, standing_server, urls

REPEATS = 7
BARE = """
import asyncio, sys, time
from clients.{name} import main
call = (lambda: asyncio.run(main({arguments}))) if main.__code__.co_flags & 0x80 else (lambda: main({arguments}))
began = time.monotonic_ns()
call()
print(time.monotonic_ns() - began)
"""


def main() -> None:
    for requests, limit, worker_class, delay in ((3, 3, "sync", "0.5"), (100, 10, "asgi", "0.05")):
        with standing_server("--worker-class", worker_class, "--delay", delay):
            for name in SIX:
                with_s, without_s = [], []
                for _ in range(REPEATS):
                    with_s.append(in_the_lab(name, requests, limit)[1])
                    without_s.append(bare(name, requests, limit))
                ratio = middle(with_s) / middle(without_s)
                show(f"  {name}, {requests} requests: {middle(without_s):.4f} s bare", ratio, 1.01, at_least=False)


def bare(name: str, requests: int, limit: int) -> float:
    """The makespan in seconds without the harness."""
    bounded = "urls, limit" in (ROOT / "clients" / f"{name}.py").read_text("utf-8")
    arguments = f"{urls(requests)!r}{f', limit={limit}' if bounded else ''}"
    text = BARE.format(name=name, arguments=arguments)
    run = subprocess.run([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return float(json.loads(run.stdout) / 1e9)


if __name__ == "__main__":
    main()
