"""Checks of the makespan. The client's rows come from the measured process: the server's log decides."""

from __future__ import annotations

from labkit.analysis.metrics import count_answered
from labkit.model import Check, Trial

CLOCK_GRAIN_S = 0.001
# Threads that take turns on a GIL overlap for a moment at each switch: together they use more processor time than
# passes on the clock.
HANDLING_TOLERANCE = 0.05


def within_makespan(trial: Trial) -> Check:
    """By the server's log, no request began before the start signal, and each was answered within the makespan.

    Attempts without an answer, and further answers to the same request, may outlive the trial.
    """
    name, makespan_s = "within_makespan", trial.makespan_s
    served = [(row, row.server) for row in trial.requests if row.server is not None]
    if makespan_s is None or not served:
        return Check(name, None, "no makespan" if makespan_s is None else "the server logged no request")
    first_s, first = min((logged.start_s, str(row.id)) for row, logged in served)
    if first_s < -CLOCK_GRAIN_S:
        return Check(name, False, f"request {first} began {-first_s:.3f} s before the start signal")
    answers_s: dict[int | str, float] = {}
    for row, logged in served:
        if row.answered:
            answers_s[row.id] = min(logged.end_s, answers_s.get(row.id, logged.end_s))
    last_s, last = max(((answer_s, str(request_id)) for request_id, answer_s in answers_s.items()), default=(0.0, ""))
    if last_s > makespan_s + CLOCK_GRAIN_S:
        return Check(name, False, f"request {last} was answered {last_s - makespan_s:.3f} s after the end")
    return Check(name, True, f"served from {first_s:.3f} s to {last_s:.3f} s, makespan {makespan_s:.3f} s")


def ideal(trial: Trial) -> Check:
    """The makespan is not below the ideal. A trial without all answers is not examined: giving up takes less time."""
    name, makespan_s, planned = "ideal", trial.makespan_s, trial.planned
    if makespan_s is None:
        return Check(name, None, "no makespan")
    if count_answered(trial) < planned.point.load.requests:
        return Check(name, None, "not all requests were answered")
    handles = planned.point.load.handle_s > 0
    least_s = planned.ideal_s * (1 - HANDLING_TOLERANCE if handles else 1) - CLOCK_GRAIN_S
    detail = f"makespan {makespan_s:.3f} s, ideal {planned.ideal_s:.3f} s"
    if makespan_s < least_s and handles:
        detail += (
            "; if several processes or interpreters handle the bodies, set OWN_GILS = True in the approach's file;"
            " otherwise some bodies were not handled"
        )
    return Check(name, makespan_s >= least_s, detail)
