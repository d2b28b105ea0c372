"""Run a load test: one load, or a search that repeats it at rising rates."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.load.limit import MOST_STEPS, find_limit
from labkit.load.measure import LoadInterrupted, measure_load
from labkit.load.plan import LoadTest
from labkit.load.thresholds import evaluate, evaluate_trial
from labkit.model.load import Knee, LoadPlan, LoadRun, LoadTrial, Now
from labkit.output.events import LoadStep
from labkit.results.load_document import trial_document
from labkit.run.session import Session


def run_load_test(test: LoadTest, session: Session) -> LoadRun:
    """Run `test` until it ends or is stopped. Raises `LabError` if no load was measured."""
    runner = _Runner(test, session)
    session.run(runner.run)
    last = runner.trials[-1]
    return LoadRun(
        id=session.id,
        started_at=session.started_at,
        command=session.command,
        seed=test.seed,
        environment=session.environment(last.python),
        trials=tuple(runner.trials),
        verdicts=tuple(evaluate_trial(threshold, last) for threshold in test.fail_when),
        stopped=runner.stopped,
        knee=runner.knee,
        notices=tuple(session.notices),
    )


@dataclass(slots=True)
class _Runner:
    """A load test that is run; `trials` holds the finished loads, even if `run` raises."""

    test: LoadTest
    session: Session
    trials: list[LoadTrial] = field(default_factory=list)
    knee: Knee | None = None
    stopped: str | None = None

    def run(self) -> None:
        self.session.runtime.prepare(["load"])
        steps = self.test.rate_steps
        if steps is None:
            self._run_load(self.test.plan)
        else:
            self.knee = find_limit(
                steps.rate, steps.bound_s, lambda rate: self._run_load(self.test.at(rate, len(self.trials) + 1))
            )

    def _run_load(self, plan: LoadPlan) -> LoadTrial:
        self.session.progress.show(LoadStep(plan, None if self.test.rate_steps is None else MOST_STEPS))
        try:
            trial = measure_load(plan, self.session, self._reaches_threshold)
        except LoadInterrupted as interrupted:
            self._keep(interrupted.trial)
            raise
        self._keep(trial)
        return trial

    def _keep(self, trial: LoadTrial) -> None:
        self.trials.append(trial)
        self.session.keep(trial_document(trial))
        self.session.progress.show(trial)

    def _reaches_threshold(self, now: Now) -> bool:
        """True if a threshold of --stop-when holds; the first one is reported."""
        reached = [verdict for threshold in self.test.stop_when if (verdict := evaluate(threshold, now)).failed]
        if reached and self.stopped is None:
            self.stopped = f"{reached[0].text} (it was {reached[0].value:g} after {now.elapsed_s:.1f} s)"
        return bool(reached)
