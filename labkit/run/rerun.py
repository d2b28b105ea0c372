"""Whether a saved comparison can be run again as it was, and what is not as it was then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from labkit.analysis.environment_diff import DIRTY, Change, compare_environments, format_value
from labkit.model import Comparison, Environment, Notice, Plan
from labkit.model.errors import MachineError, UsageError
from labkit.model.load import LoadRun

# What else differs, such as the kernel, is where it runs and not what is run: a notice tells of it.
SAME = ("runtime", "python", "cpus", "git_commit")
CODE = "rerun"


def repeatable(result: Comparison | LoadRun) -> Comparison:
    """`result`, if the lab knows how to run it again. Raises `UsageError`."""
    hint = "What can be run again is a comparison: a result of `python lab.py compare`."
    if isinstance(result, LoadRun):
        raise UsageError(f"{result.id} is a load: {result.command}", hint)
    if result.mode == "trace":
        raise UsageError(f"{result.id} is the trace of a script, which is not kept in it: {result.command}", hint)
    if any(notice.code == "cut_off" for notice in result.notices):
        raise UsageError(f"{result.id} was cut off: what else was planned, and where it ran, is not known", hint)
    return result


def all_changes(before: Environment, now: Environment) -> list[Change]:
    """What is not as it was; uncommitted changes are never known to be the same ones."""
    found = list(compare_environments(before, now))
    if now.git_commit == before.git_commit and (now.git_commit or "").endswith(DIRTY):
        found.insert(0, Change("git_commit", "git commit", before.git_commit, now.git_commit))
    return found


def plan_changes(before: Plan, now: Plan) -> list[Change]:
    """What approaches may do otherwise than then: their files differ."""
    found = {
        old.approach: Change(f"plan.{old.approach}", f"{old.approach}: most in flight", old.bound, new.bound)
        for old, new in zip(before.trials, now.trials, strict=True)
        if old.bound != new.bound
    }
    return list(found.values())


def hinders(change: Change) -> bool:
    """Whether it cannot be the same comparison for that."""
    return change.field in SAME or change.field.startswith(("images.", "packages.", "plan."))


def refuse(rerun_of: str, found: Sequence[Change]) -> None:
    """Raises `MachineError`, with the differences named, if something hinders."""
    if hindering := [each for each in found if hinders(each)]:
        raise MachineError(
            f"{rerun_of} cannot be run again as it was: {'; '.join(map(said, hindering))}",
            "Make it as it was, or add --anyway: that goes on and records each difference in the new result.",
        )


def said(change: Change) -> str:
    """The difference in words."""
    before, after = format_value(change.before, change.field), format_value(change.after, change.field)
    if before == after:
        return f"the {change.name} is {after}, then and now, and nobody knows whether the changes are the same"
    return f"{change.name} was {before} and is {after}"


def notices(found: Sequence[Change], before: Comparison, after: Comparison) -> tuple[Notice, ...]:
    """What a person should know about whether `after` is the same as `before`: what was found, and what came of it."""
    texts = [*map(said, found), *_of_trials(before, after)]
    if before.environment.git_commit is None or after.environment.git_commit is None:
        texts.append("without git nobody knows whether the lab and its approaches are the same files")
    hint = f"Compare the two: `python lab.py diff {before.id} {after.id}`."
    found_out = [Notice(CODE, f"rerun of {before.id}: {text}") for text in dict.fromkeys(texts)]
    return (*found_out[:-1], replace(found_out[-1], hint=hint)) if found_out else ()


def _of_trials(before: Comparison, after: Comparison) -> Iterator[str]:
    """Interpreters that are only known once they have run, and approaches that run in one of the two alone."""
    was, now = _pythons(before), _pythons(after)
    for (approach, asked), version in now.items():
        if (old := was.get((approach, asked))) not in {None, version} and asked is not None:
            yield f"{approach} ran on Python {old} of {asked} and runs on {version}"
    yield from (f"{name} {why}" for name, why in after.unavailable.items() if name not in before.unavailable)
    yield from (f"{name} could not run then" for name in before.unavailable if name not in after.unavailable)


def _pythons(comparison: Comparison) -> dict[tuple[str, str | None], str]:
    trials = (checked.trial for checked in comparison.trials)
    return {
        (trial.planned.approach, trial.planned.point.python): f"{trial.python}{'t' if trial.gil is False else ''}"
        for trial in trials
        if trial.python is not None
    }
