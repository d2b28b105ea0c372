"""Efficiency: 3 requests on 3 workers at 1 s, median of 5, in both runtimes.

Run it as ``python benchmarks/efficiency.py [docker|local]…`` on a quiet machine. Trials of all approaches are
interleaved by the lab itself; only trials that pass every check count.
"""

from __future__ import annotations

import sys

from _lab import SIX, compare, failed_checks, makespans, middle, show

BOUNDS = {"sync": 0.993, "process_pool": 0.95}
BOUND = 0.988


def main(runtimes: list[str]) -> None:
    for runtime in runtimes or ["local", "docker"]:
        document, _ = compare(*SIX, "--requests", "3", "--repeat", "5", "--runtime", runtime)
        print(f"{runtime}: Python {document['environment']['python']}, {document['environment']['kernel']}")
        for approach in SIX:
            found = makespans(document, approach)
            ideal_s = next(t["ideal_s"] for t in document["trials"] if t["approach"] == approach)
            show(
                f"  {approach}, {len(found)} of 5 trials",
                ideal_s / middle(found),
                BOUNDS.get(approach, BOUND),
                at_least=True,
            )
        print("".join(f"  left out: {line}\n" for line in failed_checks(document)), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
