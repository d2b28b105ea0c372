"""Compare a saved comparison with the present, to rerun it only where nothing relevant changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from labkit.analysis.environment_diff import DIRTY, Change, compare_environments, format_value
from labkit.model import Comparison, Environment, Notice, Plan
from labkit.model.errors import MachineError, UsageError
from labkit.model.load import LoadRun

# A change of any of these, or of an image, a package or an approach, prevents a rerun. Other changes, such as another
# kernel, are recorded.
BLOCKING = ("runtime", "python", "cpus", "git_commit", "images", "packages", "plan")
CODE = "rerun"


def require_comparison(result: Comparison | LoadRun) -> Comparison:
    """`result`, if it is a comparison that can be rerun. Raises `UsageError` otherwise."""
    hint = "Only a comparison can be rerun: a result of `python lab.py compare`."
    if isinstance(result, LoadRun):
        raise UsageError(f"{result.id} is a load: {result.command}", hint)
    if result.mode == "trace":
        raise UsageError(f"{result.id} is the trace of a script, which it does not contain: {result.command}", hint)
    if any(notice.code == "cut_off" for notice in result.notices):
        raise UsageError(f"{result.id} was cut off: the rest of its plan and its environment are unknown", hint)
    return result


def environment_changes(before: Environment, now: Environment) -> list[Change]:
    """Every field that changed; uncommitted changes always count as a change."""
    found = list(compare_environments(before, now))
    if now.git_commit == before.git_commit and (now.git_commit or "").endswith(DIRTY):
        found.insert(0, Change("git_commit", "git commit", before.git_commit, now.git_commit))
    return found


def plan_changes(before: Plan, now: Plan) -> list[Change]:
    """Every approach whose file changed its bound."""
    found = {
        old.approach: Change(f"plan.{old.approach}", f"{old.approach}: most in flight", old.bound, new.bound)
        for old, new in zip(before.trials, now.trials, strict=True)
        if old.bound != new.bound
    }
    return list(found.values())


def refuse_blocking(rerun_of: str, found: Sequence[Change]) -> None:
    """Raises `MachineError`, which names the changes, if any of them prevents a rerun."""
    if blocking := [each for each in found if each.field.partition(".")[0] in BLOCKING]:
        raise MachineError(
            f"{rerun_of} cannot be rerun unchanged: {'; '.join(map(explain, blocking))}",
            "Restore the original state, or add --anyway to continue and record each change in the new result.",
        )


def explain(change: Change) -> str:
    """The change in words."""
    before, after = format_value(change.before, change.field), format_value(change.after, change.field)
    if before == after:
        return f"the {change.name} was and is {after}, and its uncommitted changes may differ"
    return f"{change.name} was {before} and is {after}"


def rerun_notices(found: Sequence[Change], before: Comparison, after: Comparison) -> tuple[Notice, ...]:
    """Notices about everything that differs between `before` and its rerun `after`; the last has a hint."""
    texts = [*map(explain, found), *_trial_changes(before, after)]
    if before.environment.git_commit is None or after.environment.git_commit is None:
        texts.append("without git, changes of the lab and its approaches cannot be detected")
    hint = f"Compare the two: `python lab.py diff {before.id} {after.id}`."
    notices = [Notice(CODE, f"rerun of {before.id}: {text}") for text in dict.fromkeys(texts)]
    return (*notices[:-1], replace(notices[-1], hint=hint)) if notices else ()


def _trial_changes(before: Comparison, after: Comparison) -> Iterator[str]:
    """Interpreter versions, known only after a trial ran, and approaches that ran in one of the two alone."""
    old_versions = _interpreter_versions(before)
    for (approach, python), version in _interpreter_versions(after).items():
        old = old_versions.get((approach, python))
        if python is not None and old not in {None, version}:
            yield f"{approach} ran on Python {old} of {python} and runs on {version}"
    yield from (f"{name} {why}" for name, why in after.unavailable.items() if name not in before.unavailable)
    yield from (f"{name} could not run before" for name in before.unavailable if name not in after.unavailable)


def _interpreter_versions(comparison: Comparison) -> dict[tuple[str, str | None], str]:
    trials = (checked.trial for checked in comparison.trials)
    return {
        (trial.planned.approach, trial.planned.point.python): f"{trial.python}{'t' if trial.gil is False else ''}"
        for trial in trials
        if trial.python is not None
    }
