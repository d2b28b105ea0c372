"""What a person has to know beside the figures, one remark each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from labkit.agreement import COUNTERPART, Agreement, agreements
from labkit.model import BASELINE, CheckedTrial, Comparison, Notice
from labkit.reports.parts.text import described, visible

MOST_LINES = 8
LONGEST_TEXT = 400


@dataclass(frozen=True, slots=True)
class Remark:
    """One line, and with a trial that went wrong the last lines that it wrote; all of it safe to show."""

    kind: Literal["trial", "check", "notice"]
    text: str
    lines: tuple[str, ...] = ()


def remarks(comparison: Comparison) -> tuple[Remark, ...]:
    """Trials that went wrong and checks that failed, in order, then what holds for the whole comparison."""
    return (
        *(remark for checked in comparison.trials for remark in _of_trial(checked)),
        *(_of_agreement(each) for each in agreements(comparison) if not each.ok),
        *(_of_comparison(notice) for notice in comparison.notices),
    )


def _of_trial(checked: CheckedTrial) -> Iterator[Remark]:
    trial = checked.trial
    who = f"{trial.planned.approach}, trial {trial.planned.order}"
    failed = [check for check in checked.checks if check.ok is False]
    if trial.outcome != "ok":
        said = f"{who}: {trial.outcome}{f': {trial.error}' if trial.error else ''}"
        yield Remark("trial", _short(said), _last(trial.last_lines))
    if trial.outcome in {"ok", "failed"}:
        yield from (Remark("check", _short(f"{who}: {check.name}: {check.detail}")) for check in failed)
    elif failed:
        # What a trial did not live to do fails most checks: the cause is told above, the names are enough here.
        yield Remark("check", _short(f"{who}: checks that failed too: {', '.join(check.name for check in failed)}"))


def _of_agreement(each: Agreement) -> Remark:
    ours, theirs = each.counterpart, each.baseline
    whom = {"both": "both of them: it did not treat them alike", "neither": "neither of them"}.get(each.supported)
    return Remark(
        "check",
        f"{COUNTERPART} and {BASELINE} do not agree: {each.figure} latency {ours.client_s:.3f} s and "
        f"{theirs.client_s:.3f} s ({described(each.point)}). By the server's log it was {ours.server_s:.3f} s and "
        f"{theirs.server_s:.3f} s, which supports {whom or each.supported}.",
    )


def _of_comparison(notice: Notice) -> Remark:
    hint = notice.hint.splitlines()
    if len(hint) > 1:
        return Remark("notice", visible(notice.message), tuple(visible(line) for line in hint))
    stop = "" if notice.message.endswith((".", "!", "?")) or not hint else "."
    return Remark("notice", visible(" ".join([notice.message + stop, *hint])))


def _last(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_short(line.expandtabs()) for line in lines[-MOST_LINES:])


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
