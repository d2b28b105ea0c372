"""One sentence per trial that explains its makespan, made from its rows and metrics. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import median

from labkit.analysis.analyse import Analysis
from labkit.analysis.metrics import Metrics, count_answered
from labkit.model import RequestRow, Trial
from labkit.output.format import join_words, plural, sanitize
from labkit.reports.content.faults import (
    compare_handling,
    explain_attempts,
    explain_failures,
    explain_refusals,
    has_faults,
)

# Below this share of the delay, or this time, a wait is noise of the machine and the network, and not a queue.
QUEUE_SHARE, QUEUE_S = 0.05, 0.02
# An answer that waits for less than this share of the work per body was read in time.
UNREAD_SHARE = 0.5
# Two answers may be some delays apart. A longer time without any answer is worth a clause.
QUIET_DELAYS = 2
# An overhead below this share of the ideal, or below `QUEUE_S`, is not split; smaller parts of it are not named.
OVERHEAD_SHARE, PART_SHARE = 0.02, 0.2
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
STOPPED = {"crashed": "crashed", "timeout": "timed out", "interrupted": "interrupted"}


def trial_sentences(analysis: Analysis) -> dict[int, str]:
    """One sentence per trial, by the order of the trial."""
    sync_s = {row.point: row.handling_s for row in analysis.summary if row.approach == "sync"}
    trials = (checked.trial for checked in analysis.comparison.trials)
    return {
        trial.planned.order: sentence(trial, metrics, sync_s.get(trial.planned.point))
        for trial, metrics in zip(trials, analysis.metrics, strict=True)
    }


def sentence(trial: Trial, metrics: Metrics, sync_handling_s: float | None = None) -> str:
    """The sentence about one trial. For a trial that did not end, it states how many answers it received.

    `sync_handling_s` is the time that `sync` took to handle the bodies at the same grid point.
    """
    faults = _faults(trial, metrics) if has_faults(trial.planned.point.server.behaviour) else []
    if trial.outcome in STOPPED or trial.makespan_s is None:
        return _joined([_stopped(trial), *faults])
    sync_s = sync_handling_s if trial.planned.approach != "sync" else None
    return _joined(
        [
            *([_answered(trial), *faults] if faults else [_rounds(trial), _queue(trial)]),
            compare_handling(metrics.handling_s, sync_s),
            _unread(trial),
            _overhead(trial, trial.makespan_s),
        ]
    )


def typical(trials: Sequence[Trial]) -> Trial | None:
    """The trial that stands for its repeats: the untraced one nearest to the median makespan."""
    untraced = [trial for trial in trials if not trial.planned.traced]
    ended = [(trial.makespan_s, trial) for trial in untraced if trial.outcome == "ok" and trial.makespan_s is not None]
    if not ended:
        return untraced[0] if untraced else None
    middle_s = median(makespan_s for makespan_s, _ in ended)
    return min(ended, key=lambda each: (abs(each[0] - middle_s), each[1].planned.order))[1]


def seconds(value: float) -> str:
    """A time in the unit that reads best: ``9.0 s``, ``0.25 s``, ``4 ms``, ``0.3 ms``."""
    if value >= 0.995:
        return f"{value:.1f} s"
    if value >= 0.0995:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.00095 else f"{value * 1000:.1f} ms"


def _planned(value: float) -> str:
    """A planned time, which has more exact digits than a measured one: ``9.0 s``, ``9.05 s``, ``4 ms``."""
    return f"{round(value, 3)} s" if value >= 0.0995 else seconds(value)


def ordinal(number: int) -> str:
    """``third``, ``12th``, ``21st``."""
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _joined(clauses: Sequence[str]) -> str:
    text = "; ".join(clause.removesuffix(".") for clause in clauses if clause)
    return f"{text[0].upper()}{text[1:]}."


def _places(trial: Trial) -> int:
    """Number of requests that can be served at once, by the bounds of client and server."""
    count = trial.planned.point.load.requests
    return max(1, min(trial.planned.bound, trial.planned.point.server.slots or count, count))


def _round_count(trial: Trial) -> int:
    return max(1, ceil(trial.planned.point.load.requests / _places(trial)))


def _rounds(trial: Trial) -> str:
    """The number of rounds that the requests need, and the bound that sets it."""
    server, load, bound = trial.planned.point.server, trial.planned.point.load, trial.planned.bound
    rounds = plural(_round_count(trial), "round")
    length = " or more" if _varies(trial) else f" of {server.delay_s:g} s"
    need = f"{'needs' if load.requests == 1 else 'need'} {rounds}{length}"
    text = plural(load.requests, "request")
    if bound == 1:
        text += f", one at a time, {need}{_idle(trial)}"
    elif bound < min(server.slots or load.requests, load.requests):
        text += f", at most {bound} in flight, {need}{_idle(trial)}"
    elif server.slots is None:
        text += f" on a server that accepts all at once {need}"
    else:
        threads = f" × {plural(server.worker_threads, 'thread')}" if server.worker_class == "gthread" else ""
        text += f" on {plural(server.workers, 'worker')}{threads} {need}"
    if load.handle_s:
        text += f", and each body needs {seconds(load.handle_s)} of processor time"
    failed = load.requests - count_answered(trial)
    return f"{failed} of {plural(load.requests, 'request')} failed; {text}" if failed else text


def _varies(trial: Trial) -> bool:
    """True if rounds may differ in length, or their number from the plan."""
    behaviour = trial.planned.point.server.behaviour
    return bool(trial.planned.point.scenario == "script" or behaviour.spread or behaviour.sigma)


def _idle(trial: Trial) -> str:
    server = trial.planned.point.server
    idle = server.workers - trial.planned.bound
    if server.worker_class != "sync" or idle < 1:
        return ""
    return f", and {idle} of {plural(server.workers, 'worker')} {'is' if idle == 1 else 'are'} idle at any time"


def _answered(trial: Trial) -> str:
    """The number of answered requests, and whether the answers were returned."""
    count, ok = trial.planned.point.load.requests, count_answered(trial)
    text = f"{'all' if ok == count else f'{ok} of'} {plural(count, 'request')} were answered"
    if ok and trial.outcome == "failed" and trial.answers is None:
        text += ", but an exception discarded all answers"
    return text


def _faults(trial: Trial, metrics: Metrics) -> list[str]:
    """Failed requests and their causes, retries, refusals, and the longest time without an answer."""
    count, quiet_s = trial.planned.point.load.requests, metrics.longest_quiet_s
    quiet = quiet_s is not None and quiet_s > QUIET_DELAYS * trial.planned.point.server.delay_s + QUEUE_S
    return [
        explain_failures(count, count_answered(trial), metrics.failed_by_cause),
        explain_attempts(count, metrics.attempts, metrics.wasted_attempts),
        explain_refusals(row.status for row in trial.requests),
        f"for {seconds(quiet_s)} no request was answered" if quiet and quiet_s is not None else "",
    ]


def _unread(trial: Trial) -> str:
    """The number of answers that waited in the client while it handled other bodies."""
    handle_s = trial.planned.point.load.handle_s
    waits = [
        row.first_byte_s - row.server.end_s
        for row in trial.requests
        if row.server and row.first_byte_s is not None and row.server.did == "answer"
    ]
    late = [wait_s for wait_s in waits if handle_s and wait_s >= UNREAD_SHARE * handle_s]
    if not late:
        return ""
    unread = f"{len(late)} of {plural(len(waits), 'answer')} stayed unread"
    return f"{unread} for up to {seconds(max(late))} while the client handled other bodies"


def _queue(trial: Trial) -> str:
    """The place where the last round waited: at the server, or in the client."""
    server, load = trial.planned.point.server, trial.planned.point.load
    served = sorted(
        ((row, row.server.start_s) for row in trial.requests if row.server is not None), key=lambda pair: pair[1]
    )
    rounds = _round_count(trial)
    if not served or rounds == 1:
        return ""
    last = served[(rounds - 1) * _places(trial) :] or served[-1:]
    at_server_s = median(max(0.0, start_s - _sent_s(row)) for row, start_s in last)
    in_client_s = median(row.start_s for row, _ in last)
    least_s = max(QUEUE_S, QUEUE_SHARE * server.delay_s)
    name = f"the {ordinal(rounds)} round" if trial.planned.bound > 1 else "the last request"
    at_server, in_client = f"{seconds(at_server_s)} at the server", f"{seconds(in_client_s)} in the client"
    if trial.planned.bound >= load.requests and at_server_s >= least_s:
        sent = "at once" if in_client_s < least_s else f"within {seconds(in_client_s)}"
        return f"all were sent {sent}, and {name} waited {at_server}"
    if at_server_s >= least_s and in_client_s >= least_s:
        return f"{name} waited {in_client} and {at_server}"
    if at_server_s >= least_s:
        return f"{name} waited {at_server}"
    return f"{name} waited {in_client}, not at the server" if in_client_s >= least_s else ""


def _sent_s(row: RequestRow) -> float:
    """When the client sent the request; if unknown, the last known moment before that."""
    return next(moment_s for moment_s in (row.sent_s, row.connected_s, row.start_s) if moment_s is not None)


def _overhead(trial: Trial, makespan_s: float) -> str:
    """The difference between makespan and ideal, and its larger parts."""
    ideal_s = trial.planned.ideal_s
    over_s = makespan_s - ideal_s
    if over_s < 0:
        return f"the trial took {seconds(makespan_s)}"
    text = f"the trial took {seconds(over_s)} longer than the ideal {_planned(ideal_s)}"
    starts = [row.start_s for row in trial.requests]
    ends = [row.end_s for row in trial.requests if row.end_s is not None]
    if not starts or not ends or over_s < max(QUEUE_S, OVERHEAD_SHARE * ideal_s):
        return text
    parts = {"before the first request": min(starts), "after the last answer": makespan_s - max(ends)}
    large = [f"{seconds(part_s)} {where}" for where, part_s in parts.items() if part_s > PART_SHARE * over_s]
    return f"{text}, including {join_words(large)}" if large else text


def _stopped(trial: Trial) -> str:
    count = trial.planned.point.load.requests
    text = f"{STOPPED.get(trial.outcome, trial.outcome)} after {count_answered(trial)} of {plural(count, 'answer')}"
    return sanitize(f"{text}: {trial.error}" if trial.error else text)
