"""Whether two runs of the same comparison come out as no difference: 20 pairs at a short delay, diffed.

Run it as ``python benchmarks/no_difference.py [docker|local]`` on a quiet machine; it takes about ten minutes. A pair
counts if the verdict on every approach is that there is no difference to be seen; too few rankable trials are no such
verdict: such a pair is run again, ten times in all at most. That the verdict is not blind shows when the second run's
makespans are made longer by a known share.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from math import log
from typing import Any

from _lab import ROOT, compare, makespans, middle, show

from labkit.analysis.rank_tests import ALPHA, holm, least_p, p_beyond
from labkit.options.saved_results import LEAST_PERCENT

APPROACHES = ("sync", "threads", "asyncio_semaphore")
PAIRS, AGAIN_AT_MOST = 20, 10
LOAD = ("--requests", "9", "--delay", "0.05", "--repeat", "8")
LONGER = 1.25


def main(runtime: str = "local") -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    rows: list[list[dict[str, Any]]] = []
    again = 0
    while len(pairs) < PAIRS and again <= AGAIN_AT_MOST:
        first, second = (compare(*APPROACHES, *LOAD, "--runtime", runtime)[0] for _ in range(2))
        found = diff(first["id"], second["id"])
        told = ", ".join(f"{row['approach']} {change(row)} {row['verdict']}" for row in found)
        print(f"pair {len(pairs) + 1}: {told}", flush=True)
        if any(row["verdict"] == "few" for row in found):
            again += 1
            continue
        pairs.append((first, second))
        rows.append(found)
    show("pairs in which every approach could be judged", len(pairs), PAIRS, at_least=True)
    same = sum(all(row["verdict"] == "none" for row in each) for each in rows)
    show("pairs without a difference to be seen", same, PAIRS * 19 // 20, at_least=True)
    print(f"pairs run again, because too few trials could be ranked: {again}")
    moved = [abs(row["ratio"] - 1) for each in rows for row in each]
    print(f"shift between two runs: median {middle(moved):.1%}, largest {max(moved, default=0):.1%}")
    for least in (0.0, 2.0, LEAST_PERCENT):
        wrong = sum(any(seen(*pair, least, 1.0)) for pair in pairs)
        caught = [by for pair in pairs for by in seen(*pair, least, LONGER)]
        print(
            f"with --least {least:g}: a difference in {wrong} of {len(pairs)} pairs; {LONGER - 1:.0%} more is seen in "
            f"{sum(caught)} of {len(caught)} rows"
        )


def diff(first: str, second: str) -> list[dict[str, Any]]:
    command = [sys.executable, "lab.py", "diff", first, second, "--format", "json"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return list(json.loads(run.stdout)["rows"])


def change(row: dict[str, Any]) -> str:
    return "?" if row["ratio"] is None else f"{row['ratio'] - 1:+.1%}"


def seen(first: dict[str, Any], second: dict[str, Any], least: float, longer: float) -> Sequence[bool]:
    """Whether a difference beyond `least` percent is seen in each approach, if the second run took `longer`."""
    samples = [
        ([log(s) for s in makespans(first, name)], [log(s * longer) for s in makespans(second, name)])
        for name in APPROACHES
    ]
    p_values = [p_beyond(*pair, log(1 + least / 100)) for pair in samples if least_p(*map(len, pair)) <= ALPHA]
    return [p <= ALPHA for p in holm(p_values)]


if __name__ == "__main__":
    main(*sys.argv[1:2])
