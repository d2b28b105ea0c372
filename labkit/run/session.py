"""Life cycle of one measurement, shared by compare, rerun, trace and load."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from labkit.model import Environment, Notice
from labkit.model.errors import Interrupted, LabError
from labkit.output.progress import Progress, make_progress
from labkit.results.store import Results, discard_if_empty
from labkit.runtime import Runtime
from labkit.runtime.choose import choose
from labkit.runtime.environment import describe_environment
from labkit.system import checkout, runs
from labkit.system.interrupts import ignore_interrupts


@dataclass(slots=True)
class Session:
    """One measurement, from its id to its saved result.

    First `start` chooses the runtime, then `run` does the work, which calls `keep` for each measured trial, and at last
    `save` writes the result. Once a trial is measured, a failure or an interruption no longer loses the session:
    `stopped` holds it, and `notices` explain it, along with all that the disk refused.
    """

    id: str
    started_at: str
    command: str
    progress: Progress
    results: Results
    notices: list[Notice] = field(default_factory=list)
    stopped: LabError | None = None
    saved: bool = True
    _runtime: Runtime | None = None
    _runtime_reason: str = ""
    _measured: int = 0

    def start(self, runtime: str, reason: str | None = None) -> Runtime:
        """Choose ``auto``, ``docker`` or ``local``, for `reason`. Raises `MachineError` if it is unavailable."""
        self._runtime, why = choose(runtime, runs.project(self.id), self.progress.note)
        self._runtime_reason = reason or why
        return self._runtime

    @property
    def runtime(self) -> Runtime:
        assert self._runtime is not None, "the session has not been started"
        return self._runtime

    def run(self, work: Callable[[], None]) -> None:
        """Do `work`, then remove everything that the runtime started. Raises `LabError` if no trial was measured."""
        try:
            work()
        except KeyboardInterrupt:
            self.stopped = Interrupted("interrupted")
        except LabError as error:
            self.stopped = error
        finally:
            with ignore_interrupts():
                try:
                    self.runtime.close()
                except LabError as error:  # the engine stopped answering
                    self.stopped = self.stopped or error
        if self.stopped is not None:
            if not self._measured:
                raise self.stopped
            self.notices.append(Notice("stopped", self.stopped.message, self.stopped.hint))

    def keep(self, trial: Mapping[str, Any]) -> None:
        """Save a measured trial, as the document has it."""
        self._measured += 1
        try:
            self.results.add(trial)
        except LabError as error:
            self.warn(error)

    def warn(self, error: LabError) -> None:
        """Note that something measured could not be saved; the measurement continues."""
        self.saved = False
        notice = Notice("not_saved", error.message, error.hint)
        if notice not in self.notices:
            self.notices.append(notice)

    def environment(self, python: str | None) -> Environment:
        """The environment of trials that ran on the interpreter version `python`."""
        return describe_environment(self.runtime, self._runtime_reason, python)

    def save(self, document: Mapping[str, Any], page: str | None = None) -> str | None:
        """Save the result, and `page` as its report; returns the paths, or None if the disk refused them."""
        paths = str(self.results.document_path.relative_to(checkout.ROOT))
        try:
            self.results.finish(document)
            if page is not None:
                self.results.add_page(page)
                paths += f" and {self.results.page_path.name}"
        except LabError as error:
            self.warn(error)
            return None
        return paths


@contextmanager
def open_session(arguments: Sequence[str]) -> Iterator[Session]:
    """Begin a session of `lab.py` with `arguments`: its id and lock, the results folder, and the progress display.

    An error removes the folder, unless a trial was saved in it.
    """
    started = datetime.now(UTC)
    run_id = runs.new_run(started)
    folder = checkout.ROOT / "results" / run_id
    command = shlex.join(["python", "lab.py", *arguments])
    with runs.running(run_id), make_progress() as progress:
        try:
            with closing(Results(folder)) as results:
                yield Session(run_id, started.isoformat(timespec="seconds"), command, progress, results)
        except BaseException:
            discard_if_empty(folder)
            raise
