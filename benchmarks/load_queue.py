"""What users wait under an open load, beside the queue M/D/3: 2 Poisson arrivals a second to 3 sync workers at 1 s.

Run it as ``python benchmarks/load_queue.py [--duration 300]``. The wait of a request is its response time, counted from
its intended start, less the delay: the time in the queue, and what the HTTP of it takes. It is taken from the load's
rows (`requests-1.csv`) and compared with a simulation (`_md3.py`) in two ways:

1. Fed with the very same arrivals (``loadtest/schedule.py``, same seed), request by request. Here both should agree to
   milliseconds; what differs is a worker's own time for each request beside the delay, which adds up as long as nobody
   is idle.
2. 2,000 simulated loads of the same length with other seeds: the measured mean wait has to lie within the middle 95 %
   of theirs. As the seed is fixed so is this interval, to which the bounds below refer.

Assumed is that who comes first is served first. A sync worker accepts one connection at a time, and closes it after
the answer; all others wait in the kernel's backlog, which hands them out in the order in which they came. It holds 2048
by gunicorn's settings here (less where the kernel's own bound is lower), far more than ever wait at two thirds of
capacity. The load generator has 1,000 users, so that nobody waits for one. Both the load and the simulation begin with
nobody there, and serve all who came.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from itertools import takewhile
from statistics import fmean

from _lab import ROOT, failed_checks, middle, show
from _load import load, rows
from _md3 import waits

sys.path.append(str(ROOT))  # where the following are
from labkit.analysis.statistics import percentile
from loadtest.schedule import offsets

RATE_PER_S, WORKERS, DELAY_S, SEED = 2.0, 3, 1.0, 1
SIMULATED = 2000
# A row's arrival is that of the schedule, rounded to a nanosecond.
SAME_S = 1e-6


def main(duration_s: float) -> None:
    document = load(
        *("--rate", str(RATE_PER_S), "--arrivals", "poisson", "--seed", str(SEED), "--duration", str(duration_s)),
        *("--workers", str(WORKERS), "--worker-class", "sync", "--delay", str(DELAY_S)),
    )
    due, measured = measured_waits(document)
    arrivals = arrivals_until(duration_s, SEED)
    assert len(due) == len(arrivals), f"{len(arrivals)} arrivals were to come, and {len(due)} did"
    assert all(abs(one - other) < SAME_S for one, other in zip(due, arrivals, strict=True)), "other arrivals came"

    expected = list(waits(arrivals, DELAY_S, WORKERS))
    off_ms = [1e3 * (one - other) for one, other in zip(measured, expected, strict=True)]
    late = document["trials"][0]["late"]
    print(
        f"  {len(arrivals)} arrivals in {duration_s:g} s, {late} of them late, {sum(map(bool, expected))} have to wait"
    )
    print(f"  mean wait: measured {fmean(measured):.4f} s, simulated with the same arrivals {fmean(expected):.4f} s")
    print(
        f"  measured less simulated, request by request: median {middle(off_ms):.1f} ms, "
        f"p99 {percentile(off_ms, 99):.1f} ms, from {min(off_ms):.1f} to {max(off_ms):.1f} ms"
    )
    means = [
        fmean(waits(arrivals_until(duration_s, seed), DELAY_S, WORKERS))
        for seed in range(SEED + 1, SEED + 1 + SIMULATED)
    ]
    print(f"  mean wait of {SIMULATED} simulated loads: median {middle(means):.4f} s")
    show("  mean wait, s: not below 95 % of the simulated", fmean(measured), percentile(means, 2.5), at_least=True)
    show("  mean wait, s: not above 95 % of the simulated", fmean(measured), percentile(means, 97.5), at_least=False)
    print("".join(f"  a check that failed: {line}\n" for line in failed_checks(document)), end="")


def measured_waits(document: dict[str, object]) -> tuple[list[float], list[float]]:
    """When each request was due, and how long it waited beyond its delay, in seconds."""
    found = rows(document)
    assert all(row["status"] == "200" for row in found), "a request failed"
    due = [float(row["due_s"]) for row in found]
    return due, [float(row["end_s"]) - due_s - DELAY_S for row, due_s in zip(found, due, strict=True)]


def arrivals_until(duration_s: float, seed: int) -> list[float]:
    """When requests are due, as the load generator has it."""
    return list(takewhile(lambda offset_s: offset_s < duration_s, offsets(RATE_PER_S, "poisson", seed)))


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--duration", type=float, default=300.0)
    main(parser.parse_args().duration)
