"""What ``compare`` itself costs: its whole time less the sum of its makespans, for the six approaches; and ``--help``.

Run it as ``python benchmarks/lab_cost.py [docker|local]…``, with the image built. Medians of 3 runs, 5 for --help.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from _lab import ROOT, SIX, compare, middle, show

BOUNDS_S = {"docker": 3.0, "local": 2.0}


def main(runtimes: list[str]) -> None:
    for runtime in runtimes or list(BOUNDS_S):
        costs = []
        for _ in range(3):
            document, took_s = compare(*SIX, "--runtime", runtime)
            costs.append(took_s - sum(trial["makespan_s"] for trial in document["trials"]))
        show(f"  compare, six approaches, {runtime}: seconds besides", middle(costs), BOUNDS_S[runtime], at_least=False)
    show("  --help: seconds", middle([help_s() for _ in range(5)]), 0.3, at_least=False)


def help_s() -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "lab.py", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1:])
