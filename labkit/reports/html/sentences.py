"""Why a trial took as long as it did, in one sentence made from its figures. Pure functions of the result document."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf
from statistics import median
from typing import Any

from labkit.model import BASELINE
from labkit.output.format import join_words, plural, sanitize
from labkit.reports.content.faults import (
    compare_handling,
    explain_attempts,
    explain_failures,
    explain_refusals,
    has_faults,
)
from server.behaviour import Behaviour

# Below this share of the delay, or this time, a wait is the machine's and the network's, not a queue.
QUEUE_SHARE, QUEUE_S = 0.05, 0.02
# What an answer waits longer for whoever reads it, than this share of what a body costs, is no matter of scheduling.
UNREAD_SHARE = 0.5
# Between two answers there are delays; beyond so many of them it is silence.
QUIET_DELAYS = 2
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def sentence(trial: dict[str, Any], of_sync_s: float | None = None) -> str:
    """The sentence about one trial of the result document; for one that did not end, how far it came.

    `of_sync_s` is what handling the bodies took sync at the same grid point.
    """
    faulty = has_faults(Behaviour(**trial["server"]["behaviour"]))
    if trial["outcome"] not in {"ok", "failed"} or trial["makespan_s"] is None:
        return _joined([_stopped(trial), *(_coping(trial) if faulty else ())], "; ")
    clauses = [_answered(trial), *_coping(trial)] if faulty else [_rounds(trial), _queue(trial)]
    compared_s = of_sync_s if trial["approach"] != "sync" else None
    return _joined(
        [*clauses, compare_handling(trial["handling_s"], compared_s), _unread(trial), _overhead(trial)], "; "
    )


def _joined(clauses: Sequence[str], between: str) -> str:
    said = between.join(clause.removesuffix(".") for clause in clauses if clause)
    return f"{said[0].upper()}{said[1:]}."


def typical(trials: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The trial that stands for its repeats: of the untraced ones the one nearest to the median makespan."""
    untraced = [trial for trial in trials if not trial["traced"]]
    ended = [trial for trial in untraced if trial["outcome"] == "ok" and trial["makespan_s"] is not None]
    if not ended:
        return untraced[0] if untraced else None
    middle = median(trial["makespan_s"] for trial in ended)
    return min(ended, key=lambda trial: (abs(trial["makespan_s"] - middle), trial["order"]))


def seconds(value: float) -> str:
    """A time as a person says it: ``9.0 s``, ``0.25 s``, ``4 ms``, ``0.3 ms``."""
    if value >= 0.995:
        return f"{value:.1f} s"
    if value >= 0.0995:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.00095 else f"{value * 1000:.1f} ms"


def ordinal(number: int) -> str:
    """``third``, ``12th``, ``21st``."""
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def slots(trial: dict[str, Any]) -> float:
    """How many requests the server serves at once; infinite where it sets no bound."""
    server = trial["server"]
    bounded = server["worker_class"] in {"sync", "gthread"}
    return server["workers"] * server["worker_threads"] if bounded else inf


def _rounds(trial: dict[str, Any]) -> str:
    """So many requests by so many places are so many rounds."""
    count, bound, server = trial["load"]["requests"], trial["bound"], trial["server"]
    rounds = _round_count(trial)
    workers = plural(server["workers"], "worker")
    if server["worker_class"] == "gthread":
        workers += f" × {plural(server['worker_threads'], 'thread')}"
    of = " or more" if _vary(trial) else f" of {server['delay_s']:g} s"
    in_rounds = f"is {plural(rounds, 'round')}{of}"
    if bound == 1:
        said = f"{plural(count, 'request')}, one at a time, {in_rounds}{_idle(trial)}"
    elif bound < min(slots(trial), count):
        said = f"{plural(count, 'request')}, at most {bound} in flight, {in_rounds}{_idle(trial)}"
    elif slots(trial) == inf:
        said = f"{plural(count, 'request')} on a server that takes up all at once {in_rounds}"
    else:
        said = f"{plural(count, 'request')} on {workers} {in_rounds}"
    if handle_s := trial["load"].get("handle_s"):
        said += f", and each body costs {seconds(handle_s)} of processor time"
    failed = count - trial["ok"]
    return f"{failed} of {plural(count, 'request')} failed; {said}" if failed else said


def _vary(trial: dict[str, Any]) -> bool:
    """Whether rounds need not be of the same length, or in number what was planned."""
    behaviour = trial["server"]["behaviour"]
    return bool(trial["scenario"] == "script" or behaviour["spread"] or behaviour["sigma"])


def _answered(trial: dict[str, Any]) -> str:
    """How many requests were answered, and what became of the answers."""
    count, ok = trial["load"]["requests"], trial["ok"]
    said = (
        f"all {plural(count, 'request')} were answered"
        if ok == count
        else f"{ok} of {plural(count, 'request')} answered"
    )
    if ok and trial["outcome"] == "failed" and trial["answers"] is None:
        said += ", and none of the answers returned, because of an exception"
    return said


def _coping(trial: dict[str, Any]) -> list[str]:
    """What was lost and why, what was tried again, what was refused, and how long nothing came."""
    quiet_s, usual_s = trial["longest_quiet_s"], trial["server"]["delay_s"]
    quiet = quiet_s is not None and quiet_s > QUIET_DELAYS * usual_s + QUEUE_S
    return [
        explain_failures(trial["load"]["requests"], trial["ok"] or 0, trial["failed_by_cause"]),
        explain_attempts(trial["load"]["requests"], trial["attempts"], trial["wasted_attempts"]),
        explain_refusals(row["status"] for row in trial["requests"]),
        f"no request was answered for {seconds(quiet_s)}" if quiet else "",
    ]


def _unread(trial: dict[str, Any]) -> str:
    """How long answers lay there because whoever was to read them handled other bodies."""
    handle_s = trial["load"].get("handle_s")
    waits = [
        row["first_byte_s"] - row["server"]["end_s"]
        for row in trial["requests"]
        if row["server"] and row["first_byte_s"] is not None and row["server"]["did"] == "answer"
    ]
    late = [wait for wait in waits if handle_s and wait >= UNREAD_SHARE * handle_s]
    if not late:
        return ""
    lay = f"{len(late)} of {plural(len(waits), 'answer')} lay unread"
    return f"{lay} for up to {seconds(max(late))} while others were handled"


def _idle(trial: dict[str, Any]) -> str:
    server = trial["server"]
    idle = server["workers"] - trial["bound"]
    if slots(trial) == inf or server["worker_class"] != "sync" or idle < 1:
        return ""
    return f", while {idle} of {plural(server['workers'], 'worker')} had nothing to do"


def _round_count(trial: dict[str, Any]) -> int:
    return max(1, ceil(int(trial["load"]["requests"]) / _places(trial)))


def _places(trial: dict[str, Any]) -> int:
    return int(max(1, min(trial["bound"], slots(trial), trial["load"]["requests"])))


def _queue(trial: dict[str, Any]) -> str:
    """Where the last round waited: at the server, or in the client."""
    served = sorted(
        (row for row in trial["requests"] if row["server"]),
        key=lambda row: row["server"]["start_s"],
    )
    rounds = _round_count(trial)
    if not served or rounds == 1:
        return ""
    last = served[(rounds - 1) * _places(trial) :] or served[-1:]
    at_server = median(max(0.0, row["server"]["start_s"] - _sent_s(row)) for row in last)
    in_client = median(row["start_s"] for row in last)
    least = max(QUEUE_S, QUEUE_SHARE * trial["server"]["delay_s"])
    name = f"the {ordinal(rounds)} round" if trial["bound"] > 1 else "the last request"
    if trial["bound"] >= trial["load"]["requests"] and at_server >= least:
        sent = "at once" if in_client < least else f"within {seconds(in_client)}"
        return f"all went out {sent}, and {name} waited {seconds(at_server)} at the server"
    if at_server >= least and in_client >= least:
        return f"{name} waited {seconds(in_client)} in the client and {seconds(at_server)} at the server"
    if at_server >= least:
        return f"{name} waited {seconds(at_server)} at the server"
    if in_client >= least:
        return f"{name} waited {seconds(in_client)} in the client, and none of it at the server"
    return ""


def _sent_s(row: dict[str, Any]) -> float:
    """When the request was with the server, as far as the client told."""
    told = (row[name] for name in ("sent_s", "connected_s", "start_s"))
    return float(next(moment for moment in told if moment is not None))


def _overhead(trial: dict[str, Any]) -> str:
    """What the makespan has beyond the ideal, and where the larger parts of it are."""
    over = trial["makespan_s"] - trial["ideal_s"]
    if over < 0:
        return f"that took {seconds(trial['makespan_s'])}"
    said = f"that took {seconds(over)} more than the ideal {seconds(trial['ideal_s'])}"
    starts = [row["start_s"] for row in trial["requests"]]
    ends = [row["end_s"] for row in trial["requests"] if row["end_s"] is not None]
    if not starts or not ends or over < max(QUEUE_S, 0.02 * trial["ideal_s"]):
        return said
    parts = {"before the first request": min(starts), "after the last answer": trial["makespan_s"] - max(ends)}
    large = [f"{seconds(part)} {when}" for when, part in parts.items() if part > 0.2 * over]
    return f"{said}, of it {join_words(large)}" if large else said


def _stopped(trial: dict[str, Any]) -> str:
    count = trial["load"]["requests"]
    said = f"{trial['outcome']} after {trial['ok']} of {plural(count, 'answer')}"
    return sanitize(f"{said}: {trial['error']}" if trial["error"] else said)


def introduced(approach: str, said: str) -> str:
    """The sentence of the baseline says what it is."""
    return f"The baseline, never ranked: {said[0].lower()}{said[1:]}" if approach == BASELINE else said
