"""Peak memory of ``lab.py load`` at 20,000 and at 200,000 requests, 3 of each in turn; the ratio is that of medians.

A closed load of 200 users against 3 gevent workers with 0.05 s delay, local runtime. Two processes could keep what has
been, and each is measured and compared by itself:

- lab.py: the most that was ever resident of its own process, as the kernel keeps it (`VmHWM` in /proc, Linux alone).
  It never falls, so the last of the readings, one every 10 ms until the process ends, is the peak. rusage is no use
  here: a child's takes in whatever that child has started itself.
- The load generator, which is Locust: `peak_memory_bytes` of the document. That is the proportional set size, which the
  harness's sampler reads from outside as the load runs and once more at its end.

The server is not counted, nor is the harness's own process beside the load generator. The rows stay in results/, as
those of any load: about 70 MB in all.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from time import sleep

from _lab import ROOT, middle, show
from _load import load_command

FEW, MANY = 20_000, 200_000
REPEATS = 3
LOAD = ("--users", "200", "--worker-class", "gevent", "--workers", "3", "--delay", "0.05")
LOOK_EVERY_S = 0.01
BOUND = 1.10


def main() -> None:
    few, many = [], []
    for _ in range(REPEATS):
        few.append(peaks_mb(FEW))
        many.append(peaks_mb(MANY))
    print(f"  peak memory in MB, median (lowest to highest) of {REPEATS}:")
    for name in ("lab.py", "load generator"):
        of_few, of_many = [peaks[name] for peaks in few], [peaks[name] for peaks in many]
        print(f"    {name}: {in_words(of_few)} at {FEW} requests, {in_words(of_many)} at {MANY}")
        show(f"  {name}: {MANY} ÷ {FEW} requests", middle(of_many) / middle(of_few), BOUND, at_least=False)


def in_words(values: list[float]) -> str:
    return f"{middle(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def peaks_mb(requests: int) -> dict[str, float]:
    """The peak memory of one load in MB (10^6 bytes), by process."""
    lab_bytes = 0
    with tempfile.TemporaryFile() as output:
        command = load_command(*LOAD, "--requests", str(requests))
        with subprocess.Popen(command, cwd=ROOT, stdout=output) as lab:
            while lab.poll() is None:
                lab_bytes = peak_bytes(lab.pid) or lab_bytes
                sleep(LOOK_EVERY_S)
        output.seek(0)
        (trial,) = json.load(output)["trials"]
    assert trial["ok"] == requests, trial["errors"]
    return {"lab.py": lab_bytes / 1e6, "load generator": trial["peak_memory_bytes"] / 1e6}


def peak_bytes(pid: int) -> int | None:
    """The most memory of a process that has ever been resident; None once it has ended."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(found[1]) * 1024 if found else None


if __name__ == "__main__":
    main()
