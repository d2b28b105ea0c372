"""Sentences about a server with faults: lost requests, repeated attempts, refusals and the handling of bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from labkit import scenarios
from labkit.analysis.metrics import REFUSALS
from labkit.output.format import join_words, plural, sanitize
from server.behaviour import Behaviour

# Handling times that differ by less count as equal: cores, caches and other programs cause such differences.
SAME_SHARE = 0.1


def has_faults(behaviour: Behaviour) -> bool:
    """Return True if the server may fail requests; delays and sizes are no faults."""
    faults = (behaviour.hang, behaviour.drip, behaviour.fail, behaviour.rate, behaviour.crash_at, behaviour.restart_at)
    return any(faults)


def introduction(scenario: str) -> tuple[str, str] | None:
    """Return a scenario's summary and the questions to ask of it; None for the default and unknown scenarios."""
    if scenario == scenarios.DEFAULT or scenario not in scenarios.names():
        return None
    module = scenarios.load(scenario)
    return f"{module.summary[0].upper()}{module.summary[1:]}.", module.question


def explain_failures(requests: int, ok: int, failed_by_cause: Mapping[str, int]) -> str:
    """``3 of 30 requests failed: 2 × status 503 and 1 × never sent``; empty if every request was answered."""
    counts = Counter(failed_by_cause)
    counts["never sent"] = requests - ok - counts.total()
    return f"{requests - ok} of {plural(requests, 'request')} failed: {_counted(+counts)}" if ok < requests else ""


def explain_attempts(requests: int, attempts: int | None, wasted: int | None) -> str:
    """``41 attempts, 11 of them wasted``; empty if no request was repeated."""
    if attempts is None or attempts <= requests:
        return ""
    return f"{attempts} attempts, {wasted} of them wasted"


def explain_refusals(statuses: Iterable[int | None]) -> str:
    """``12 attempts refused: 9 × status 429 and 3 × status 403``; empty if there was none."""
    counts = Counter(f"status {status}" for status in statuses if status in REFUSALS)
    return f"{plural(counts.total(), 'attempt')} refused: {_counted(counts)}" if counts else ""


def compare_handling(own_s: float | None, sync_s: float | None) -> str:
    """Report how long handling the bodies took, compared with sync; empty if it was not measured."""
    if own_s is None:
        return ""
    text = f"handling the bodies took {own_s:.2f} s"
    if sync_s is None or own_s <= 0:
        return text
    factor = sync_s / own_s
    if abs(factor - 1) <= SAME_SHARE:
        return f"{text}, about as long as sync ({sync_s:.2f} s)"
    if factor > 1:
        return f"{text}, {factor:.1f} × as fast as sync ({sync_s:.2f} s)"
    return f"{text}, {1 / factor:.1f} × as long as sync ({sync_s:.2f} s)"


def _counted(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return sanitize(*counts)
    return join_words([f"{number} × {sanitize(cause)}" for cause, number in counts.most_common()])
