"""10,000 requests by 500 users: ``lab.py load``, plain Locust and hey (Debian's package `hey`), 5 of each in turn.

All three are closed: each user asks again as soon as it is answered, until 10,000 requests have begun, and all of these
are waited for. Each meets a server of its own that has just started: 3 gevent workers, 0.1 s delay. What is compared is
throughput: answered requests over the time from the first one's start to the last answer. Neither the start of a
program nor that of a server is in it.

- The lab: ``lab.py load``, one process of Locust; the time is that of its rows (`requests-1.csv`). lab.py reads the
  server's log as it comes, joins it to the rows and writes them to disk, all on the same machine in the same time. That
  is what the ratio is to show.
- Plain Locust: ``locust --headless`` with the user of ``loadtest/locustfile.py``. It can end after a time, but not
  after a number of requests; cut off at a moment it would be spared the end, when ever fewer users are at work. So
  `_counted.py` has users of the same class stop once 10,000 have begun, and takes the time from Locust's request
  events. 500 users a second is how Locust is told to start all of them at once.
- hey: ``hey -n 10000 -c 500``, whose "Requests/sec" is the same quotient. It gives each user 20 requests, where
  Locust's take the next that is left.

For the last two the server is ``lab.py up``: the same gunicorn with the same settings, whose log goes to a file that
nobody reads meanwhile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

from _lab import PORT, ROOT, failed_checks, middle, show, standing_server
from _load import load, rows

REQUESTS = 10_000
USERS = 500
REPEATS = 5
SERVER = ("--worker-class", "gevent", "--workers", "3", "--delay", "0.1")
BOUND = 0.95


def main() -> None:
    documents, lab, locust, hey = [], [], [], []
    for _ in range(REPEATS):
        documents.append(load("--users", str(USERS), "--requests", str(REQUESTS), *SERVER))
        lab.append(lab_per_s(documents[-1]))
        with standing_server(*SERVER):
            locust.append(locust_per_s())
        with standing_server(*SERVER):
            hey.append(hey_per_s())
    print(f"  requests a second, median (lowest to highest) of {REPEATS}:")
    for name, found in (("load", lab), ("locust", locust), ("hey", hey)):
        print(f"    {name:<8} {middle(found):7.0f} ({min(found):.0f} to {max(found):.0f})")
    in_turn = [ours / theirs for ours, theirs in zip(lab, locust, strict=True)]
    print(f"  load ÷ locust, turn by turn: {', '.join(f'{ratio:.3f}' for ratio in in_turn)}")
    print(f"  load ÷ hey: {middle(lab) / middle(hey):.3f}")
    show("  load ÷ locust", middle(lab) / middle(locust), BOUND, at_least=True)
    show(f"  load: requests unaccounted for, in all {REPEATS}", sum(map(unaccounted, documents)), 0, at_least=False)
    print("".join(f"  a check that failed: {line}\n" for each in documents for line in failed_checks(each)), end="")


def lab_per_s(document: dict[str, Any]) -> float:
    """The throughput of a load by its own rows."""
    ended = [row for row in rows(document) if row["end_s"]]
    elapsed_s = max(float(row["end_s"]) for row in ended) - min(float(row["start_s"]) for row in ended)
    return sum(row["status"] == "200" for row in ended) / elapsed_s


def unaccounted(document: dict[str, Any]) -> int:
    """How many requests are not answered once and in the server's log; all, if the lab's own checks deny it."""
    (trial,) = document["trials"]
    sound = {check["name"] for check in trial["checks"] if check["ok"]}
    if not {"accounted", "server_log"} <= sound:
        return REQUESTS
    return REQUESTS - len({row["id"] for row in rows(document) if row["status"] == "200" and row["server_end_s"]})


def locust_per_s() -> float:
    """The throughput of plain Locust."""
    command = [sys.executable, "-m", "locust", "-f", "benchmarks/_counted.py", "--headless"]
    command += ["--users", str(USERS), "--spawn-rate", str(USERS), "--requests", str(REQUESTS)]
    command += ["--host", f"http://127.0.0.1:{PORT}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    return float(told["ok"] / told["elapsed_s"])


def hey_per_s() -> float:
    """The throughput of hey."""
    command = ["hey", "-n", str(REQUESTS), "-c", str(USERS), f"http://127.0.0.1:{PORT}/hey/1"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"[200]\t{REQUESTS} responses" in report, report
    found = re.search(r"Requests/sec:\s+([\d.]+)", report)
    assert found is not None, report
    return float(found[1])


if __name__ == "__main__":
    main()
