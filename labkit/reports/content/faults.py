"""What became of requests on a server that fails, refuses or falls silent: words made from the figures alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from labkit import scenarios
from labkit.analysis.metrics import REFUSALS
from labkit.output.format import join_words, plural, sanitize
from server.behaviour import Behaviour

# Handling times that differ by less are the same: cores, caches and what else runs move them by as much.
SAME_SHARE = 0.1


def has_faults(behaviour: Behaviour) -> bool:
    """Whether requests may fail through no fault of the client's; delays and sizes that differ are none."""
    met = (behaviour.hang, behaviour.drip, behaviour.fail, behaviour.rate, behaviour.crash_at, behaviour.restart_at)
    return any(met)


def introduction(scenario: str) -> tuple[str, str] | None:
    """What happens in a scenario and what to look at; None where nothing does, or where this lab does not know it."""
    if scenario == scenarios.DEFAULT or scenario not in scenarios.names():
        return None
    told = scenarios.load(scenario)
    return f"{told.summary[0].upper()}{told.summary[1:]}.", told.question


def explain_failures(requests: int, ok: int, failed_by_cause: Mapping[str, int]) -> str:
    """``3 of 30 requests failed: 2 × status 503 and 1 × never sent``, or ``3 of 30 requests failed: timeout``.

    Empty where every request was answered.
    """
    counts = Counter(failed_by_cause)
    counts["never sent"] = requests - ok - counts.total()
    return f"{requests - ok} of {plural(requests, 'request')} failed: {_counted(+counts)}" if ok < requests else ""


def explain_attempts(requests: int, attempts: int | None, wasted: int | None) -> str:
    """``41 attempts, 11 of them for nothing``; empty where each request was tried once, or never."""
    if attempts is None or attempts <= requests:
        return ""
    return f"{attempts} attempts were made, {wasted} of them for nothing"


def explain_refusals(statuses: Iterable[int | None]) -> str:
    """``12 attempts were refused: 9 × status 429 and 3 × status 403``; empty where none was."""
    counts = Counter(f"status {status}" for status in statuses if status in REFUSALS)
    return f"{plural(counts.total(), 'attempt')} refused: {_counted(counts)}" if counts else ""


def compare_handling(own_s: float | None, of_sync_s: float | None) -> str:
    """How long handling the bodies took, beside what it took sync; empty where that was not measured."""
    if own_s is None:
        return ""
    said = f"handling the bodies took {own_s:.2f} s"
    if of_sync_s is None or own_s <= 0:
        return said
    factor = of_sync_s / own_s
    if abs(factor - 1) <= SAME_SHARE:
        return f"{said}, and sync's {of_sync_s:.2f} s: nothing was gained there"
    if factor > 1:
        return f"{said}, {factor:.1f} × as fast as sync's {of_sync_s:.2f} s"
    return f"{said}, {1 / factor:.1f} × as long as sync's {of_sync_s:.2f} s"


def _counted(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return sanitize(*counts)
    return join_words([f"{number} × {sanitize(what)}" for what, number in counts.most_common()])
