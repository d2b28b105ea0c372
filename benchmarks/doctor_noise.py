"""How well the doctor foretells what identical trials differ by: its two figures, against real trials of a second.

Each row: the doctor, twelve trials of one approach that are all alike, the doctor again. What the trials differ by is
the 95th percentile of the differences of all pairs of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations
from statistics import fmean, median

from _lab import ROOT, compare

from labkit.analysis.statistics import percentile

REPEATS = 12
ROWS = 3
# Trials of about a second: such as wait for one answer each, and such as compute for more than half of it.
KINDS = {
    "waiting_s": ("--requests", "3", "--delay", "1"),
    "working_s": ("--requests", "9", "--delay", "0.15", "--handle-ms", "60"),
}


def foretold(figure: str) -> float:
    """What the doctor says now, as a share."""
    command = [sys.executable, "lab.py", "doctor", "--format", "json"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    [noise] = [each for each in json.loads(run.stdout)["findings"] if each["name"] == "noise"]
    return float(noise["figures"][figure])


def seen(*arguments: str) -> float:
    """What identical trials differ by, as a share of their median; whatever their checks say of the machine."""
    document, _ = compare("thread_pool", "--runtime", "local", "--repeat", str(REPEATS), *arguments)
    times = [trial["makespan_s"] for trial in document["trials"] if trial["makespan_s"] is not None]
    return percentile([abs(one - other) for one, other in combinations(times, 2)], 95) / median(times)


def main() -> None:
    print("trials       doctor says     they differ by")
    for figure, arguments in KINDS.items():
        for _ in range(ROWS):
            before = foretold(figure)
            differ = seen(*arguments)
            said = fmean([before, foretold(figure)])
            print(f"{figure.removesuffix('_s'):<10} {said:13.1%} {differ:18.1%}", flush=True)


if __name__ == "__main__":
    main()
