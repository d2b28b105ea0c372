"""1,000 requests in flight against the gevent server, beside ``hey -n 1000 -c 1000`` (Debian's package `hey`).

The server has one gevent worker per processor and 1 s delay. hey and the approaches take turns on the same server;
the ratio is that of median makespans. That no request was lost is asserted from the trial's rows.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from _lab import PORT, ROOT, in_the_lab, middle, show, standing_server

REQUESTS = 1000
REPEATS = 5


def main() -> None:
    with standing_server("--worker-class", "gevent", "--workers", str(os.cpu_count())):
        hey, gather, threads = [], [], []
        for _ in range(REPEATS):
            hey.append(hey_s())
            gather.append(in_the_lab("asyncio_gather", REQUESTS, REQUESTS)[1])
            threads.append(in_the_lab("threads", REQUESTS, REQUESTS)[1])
    print(f"  hey {middle(hey):.3f} s, asyncio_gather {middle(gather):.3f} s, threads {middle(threads):.3f} s")
    show("  asyncio_gather ÷ hey", middle(gather) / middle(hey), 1.3, at_least=False)
    lost = [lost_requests(name) for name in ("asyncio_gather", "threads")]
    show("  requests lost, asyncio_gather and threads", sum(lost), 0, at_least=False)


def hey_s() -> float:
    """How long hey took, in seconds."""
    command = ["hey", "-n", str(REQUESTS), "-c", str(REQUESTS), f"http://127.0.0.1:{PORT}/hey/1"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"[200]\t{REQUESTS} responses" in report, report
    total = re.search(r"Total:\s+([\d.]+) secs", report)
    assert total is not None, report
    return float(total[1])


def lost_requests(name: str) -> int:
    """How many of the requests of a whole comparison's trial, server's log included, are not accounted for."""
    command = [
        sys.executable,
        "lab.py",
        "compare",
        name,
        "--requests",
        str(REQUESTS),
        "--limit",
        str(REQUESTS),
        "--worker-class",
        "gevent",
        "--runtime",
        "local",
        "--format",
        "json",
    ]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    (trial,) = json.loads(run.stdout)["trials"]
    return REQUESTS - sum(row["status"] == 200 and row["server"] is not None for row in trial["requests"])


if __name__ == "__main__":
    main()
