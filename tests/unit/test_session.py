"""A session closes its runtime, keeps finished trials, and reports the failure or interruption that stopped it."""

from __future__ import annotations

import pytest

from labkit.model.errors import EngineGone, Interrupted, LabError, MachineError
from labkit.run import session as life_cycle
from labkit.run.session import open_session
from labkit.system import checkout, runs
from tests.samples import ENVIRONMENT


class FakeRuntime:
    """Counts how often it is closed; `close` can fail, or be interrupted."""

    name = "local"
    docker = compose = None
    cpus, memory_bytes, kernel = 2, 8_000_000_000, "6.18.0"
    images = ENVIRONMENT.images

    def __init__(self):
        self.closed = 0
        self.failure = None

    def close(self):
        self.closed += 1
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def runtime(monkeypatch, tmp_path):
    fake = FakeRuntime()
    monkeypatch.setattr(life_cycle, "choose", lambda *_: (fake, "asked for"))
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    return fake


def results(tmp_path):
    return sorted((tmp_path / "results").glob("*/*"))


def measure(session, trials, failure=None):
    session.start("local")

    def work():
        for number in range(trials):
            session.keep({"trial": number})
        if failure is not None:
            raise failure

    session.run(work)


def test_a_session_saves_its_trials_and_its_result(runtime, tmp_path):
    with open_session(["compare", "--python", "a b"]) as session:
        assert runs.is_running(session.id)
        measure(session, 2)
    assert not runs.is_running(session.id)
    assert (session.stopped, session.notices, session.saved) == (None, [], True)
    assert session.command == "python lab.py compare --python 'a b'"
    assert session.environment("3.14.0").runtime_reason == "asked for"
    assert session.save({"id": session.id}, "<html>") == f"results/{session.id}/result.json and report.html"
    assert [path.name for path in results(tmp_path)] == ["report.html", "result.json", "trials.jsonl"]
    assert runtime.closed == 1


@pytest.mark.parametrize(
    ("failure", "raised"),
    [(KeyboardInterrupt(), Interrupted), (MachineError("no engine"), MachineError), (ValueError("a bug"), ValueError)],
)
def test_without_a_trial_the_failure_is_raised_and_no_folder_stays(runtime, tmp_path, failure, raised):
    with pytest.raises(raised), open_session(["compare"]) as session:
        measure(session, 0, failure)
    assert results(tmp_path) == []
    assert runtime.closed == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [(KeyboardInterrupt(), 130), (Interrupted("after 1"), 130), (LabError("it broke", "a hint"), 1)],
)
def test_after_a_trial_the_failure_is_kept_with_a_notice(runtime, tmp_path, failure, code):
    with open_session(["compare"]) as session:
        measure(session, 1, failure)
    assert session.stopped.exit_code == code
    assert [(notice.code, notice.message) for notice in session.notices] == [("stopped", session.stopped.message)]
    assert [path.name for path in results(tmp_path)] == ["trials.jsonl"]
    assert runtime.closed == 1


def test_an_unexpected_error_keeps_the_saved_trials(runtime, tmp_path):
    with pytest.raises(ValueError, match="a bug"), open_session(["compare"]) as session:
        measure(session, 1, ValueError("a bug"))
    assert [path.name for path in results(tmp_path)] == ["trials.jsonl"]
    assert runtime.closed == 1


@pytest.mark.parametrize("first", [None, LabError("it broke")])
def test_an_engine_that_is_gone_at_the_end_stops_the_session_too(runtime, first):
    runtime.failure = EngineGone("the engine does not answer")
    with open_session(["compare"]) as session:
        measure(session, 1, first)
    assert session.stopped is (first or runtime.failure)


@pytest.mark.usefixtures("runtime")
def test_a_full_disk_is_noted_once_and_the_measurement_continues(monkeypatch):
    with open_session(["compare"]) as session:

        def refuse(_):
            raise LabError("results cannot be saved: disk full", "Free space.")

        monkeypatch.setattr(session.results, "add", refuse)
        measure(session, 3)
        monkeypatch.setattr(session.results, "finish", refuse)
    assert session.save({}) is None
    assert [(notice.code, notice.hint) for notice in session.notices] == [("not_saved", "Free space.")]
    assert (session.stopped, session.saved) == (None, False)


def test_a_folder_that_cannot_be_written_is_reported_before_anything_starts(runtime, tmp_path):
    (tmp_path / "results").write_text("not a folder", "utf-8")
    with pytest.raises(MachineError, match="results"), open_session(["compare"]):
        pytest.fail("it was opened")
    assert runtime.closed == 0


def test_an_interruption_before_the_work_leaves_nothing(runtime, tmp_path):
    opened = []

    def interrupted():
        with open_session(["compare"]) as session:
            opened.append(session.id)
            session.start("local")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [runs.is_running(run_id) for run_id in opened] == [False]
    assert results(tmp_path) == []
    assert runtime.closed == 0
