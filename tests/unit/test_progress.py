"""Progress draws the current state on a terminal, prints only notes elsewhere, and restores the terminal."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest

from labkit.model.load import Counts
from labkit.output.eta import FIRST_GUESS_S, Eta
from labkit.output.events import InFlight, LoadStep
from labkit.output.progress import PlainProgress, make_progress
from labkit.output.screen import Screen
from tests import load_samples, samples

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
NAMES = ["threads", "sync", "asyncio_gather"]
STEP = LoadStep(load_samples.open_plan(), None)
PLAN = samples.plan()


class Clock:
    """Moves only when a test moves it."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


class Terminal(StringIO):
    def isatty(self):
        return True


class Display:
    """A screen on a terminal of some columns; `look` returns the lines at the bottom."""

    def __init__(self, monkeypatch, columns=80, *, colour=True):
        monkeypatch.setenv("COLUMNS", str(columns))
        self.clock, self.terminal = Clock(), Terminal()
        self.screen = Screen(self.terminal, colour=colour, clock=self.clock)

    def look(self):
        self.terminal.seek(0)
        self.terminal.truncate()
        self.screen._live.refresh()  # instead of waiting for the next redraw
        return CONTROL.sub("", self.terminal.getvalue()).replace("\r", "")

    def lines(self):
        """The lines that stay."""
        return [" ".join(line.split()) for line in CONTROL.sub("", self.terminal.getvalue()).splitlines()]

    def play(self, plan, *, until=None, absent=(), measure=samples.good_trial):
        """Run `plan` up to the start of trial `until`."""
        for block in plan.blocks:
            self.screen.show(block)
            for planned in block.trials:
                if planned.approach in absent:
                    continue
                self.screen.show(planned)
                if planned.order == until:
                    return
                trial = measure(planned)
                self.clock.now_s += trial.makespan_s or planned.timeout_s
                self.screen.show(samples.checked(trial))

    def look_at_load(self, plan=STEP.plan, steps=None, **changes):
        """The lines at the bottom while the load `plan` runs."""
        with self.screen:
            self.screen.show(LoadStep(plan, steps))
            self.screen.show(load_samples.now(**changes))
            return self.look()


@pytest.fixture
def display(monkeypatch):
    return Display(monkeypatch)


def comparison_events():
    yield PLAN
    for block in PLAN.blocks:
        yield block
        for planned in block.trials:
            yield from (planned, InFlight(2), samples.checked(samples.good_trial(planned)))


def load_events():
    for trial in load_samples.search().trials:
        yield from (LoadStep(trial.plan, 4), load_samples.now(), trial)


# Every display.


@pytest.mark.parametrize("events", [comparison_events, load_events])
@pytest.mark.parametrize(("stream", "term"), [(StringIO(), "xterm"), (Terminal(), "dumb")])
def test_without_a_terminal_that_can_draw_nothing_is_printed(stream, term, events, capsys):
    with make_progress(stream, {"TERM": term}) as progress:
        for event in events():
            progress.show(event)
    assert not stream.getvalue()
    assert capsys.readouterr() == ("", "")


def test_notes_are_plain_lines_without_a_terminal():
    stream = StringIO()
    make_progress(stream, {}).note("building the image, once\n\x1b[31mred")
    assert stream.getvalue() == "building the image, once\n\\x1b[31mred\n"


def test_progress_is_on_standard_error_and_live_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", StringIO())
    assert isinstance(make_progress(environ={"TERM": "xterm"}), PlainProgress)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(make_progress(environ={"TERM": "xterm"}), Screen)


@pytest.mark.parametrize("event", [PLAN, STEP])
def test_standard_output_stays_empty_and_free(display, event, capsys):
    with display.screen:
        display.screen.show(event)
        assert display.look().split() == ["getting", "ready"]
        print("data")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in display.terminal.getvalue()


@pytest.mark.parametrize("event", [PLAN, STEP])
@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_cursor_is_restored_in_any_case(display, event, error):
    def work():
        with display.screen:
            display.screen.show(event)
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(error):
            work()
    drawn = display.terminal.getvalue()
    assert drawn.count(HIDE) == 1
    assert drawn.rfind(SHOW) > drawn.rfind(HIDE)


def test_without_events_nothing_is_drawn(display):
    with display.screen:
        display.screen.note("a note")
    assert display.terminal.getvalue() == "a note\n"


def test_names_and_notes_cannot_control_the_terminal(display):
    plan = samples.plan(["\x1b[2Jclear"])
    with display.screen:
        display.screen.show(plan)
        display.play(plan)
        display.play(plan, until=1)
        assert "\\x1b[2Jclear" in display.look()
        display.screen.note("\x1b[2J[bold]note")
    assert "\x1b[2J" not in display.terminal.getvalue()
    assert "\\x1b[2J[bold]note" in display.terminal.getvalue()


@pytest.mark.parametrize("colour", [True, False])
def test_no_color_is_respected(monkeypatch, colour):
    display = Display(monkeypatch, colour=colour)
    with display.screen:
        display.screen.show(PLAN)
        display.play(PLAN, until=2)
        display.screen.show(InFlight(1))
        drawn = [display.look() and display.terminal.getvalue()]
    display.look_at_load()
    drawn.append(display.terminal.getvalue())
    assert [bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", text)) for text in drawn] == [colour, colour]


# A comparison.


def test_the_display_shows_the_current_state(display):
    plan = samples.plan(NAMES, requests=[3, 9])
    with display.screen:
        display.screen.show(plan)
        display.screen.show(plan.blocks[0])
        assert "starting the server and 3 clients" in display.look()
        display.play(plan, until=5)
        display.clock.now_s += 1.25
        display.screen.show(InFlight(2))
        planned = plan.trials[4]
        shown = display.look()
        for text in (
            "trial 5 of 6",
            planned.approach,
            f"{planned.point.load.requests} requests",
            f"1.2 s of {planned.ideal_s:g} s",
            f"2 of {planned.bound} in flight",
            " left",
        ):
            assert text in shown
        display.screen.show(InFlight(None))
        assert "– in flight" in display.look()


def test_the_bar_follows_the_requests_in_flight(display):
    plan = samples.plan(["thread_pool"], requests=[1000], limits=[200])
    bars = []
    with display.screen:
        display.screen.show(plan)
        display.play(plan, until=1)
        for in_flight in (0, 1, 100, 200):
            display.screen.show(InFlight(in_flight))
            bars.append(display.look().count("█"))
    assert bars == [0, 1, 5, 10]


def test_finished_trials_stay_as_one_line_each(display):
    plan = samples.plan(["threads", "sync", "thread_pool", "asyncio_gather"])

    def measure(planned):
        if planned.approach == "threads":
            return samples.with_rows(samples.good_trial(planned), 3, server=None)
        return samples.crashed_trial(planned) if planned.approach == "sync" else samples.good_trial(planned)

    with display.screen:
        display.screen.show(plan)
        display.play(plan, measure=measure)
    for planned in plan.trials:
        makespan = f"{samples.good_trial(planned).makespan_s:.3f} s"
        verdict = {"threads": f"{makespan} not ranked: server_log", "sync": "– crashed"}
        expected = f"{planned.order} {planned.approach} {verdict.get(planned.approach, f'{makespan} ok')}"
        assert display.lines().count(expected) == 1


def test_skipped_approaches_no_longer_count(display):
    plan = samples.plan([*NAMES, "interpreter_pool"], repeat=3)
    with display.screen:
        display.screen.show(plan)
        display.play(plan, until=plan.blocks[1].trials[-1].order, absent={"interpreter_pool"})
        assert re.search(r"trial [56] of 9", display.look())


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(monkeypatch, columns):
    display = Display(monkeypatch, columns)
    plan = samples.plan(["asyncio_semaphore"], repeat=2, worker_classes=["gthread"], worker_threads=[2, 4])
    with display.screen:
        display.screen.show(plan)
        display.play(plan, until=3)
        display.screen.show(InFlight(3))
        lines = display.look().splitlines()
    assert max(map(len, lines)) <= columns
    shown = " ".join(lines)
    assert all(text in shown for text in ("trial 3 of 4", "asyncio_semaphore", "repeat 2 of 2", "in flight", "left"))


# A load test.


def test_an_open_load_shows_response_times(display):
    shown = " · ".join(display.look_at_load().split("\n"))
    assert shown.strip().split(" · ") == [
        "7.5 s of 30 s ███░░░░░░░",
        "38 arrivals",
        "10 in flight",
        "14 in the queue",
        "2.8 per second",
        "latency p50 2.91 s, p99 3.34 s",
        "response p50 3.12 s, p99 5.67 s",
        "0 failed",
        "19 late",
    ]


def test_a_closed_load_has_no_intended_starts(display):
    counts = Counts(arrivals=500, begun=500, ok=450, failed=7)
    closed = load_samples.closed_plan()
    shown = display.look_at_load(closed, counts=counts, queue=None, response_p50_s=None, response_p99_s=None)
    assert "500 arrivals" in shown
    assert "7 failed" in shown
    assert not [text for text in (" late", "queue", "response", "None") if text in shown]


def test_an_unknown_figure_is_a_dash(display):
    nothing = {"p50_s": None, "p99_s": None, "response_p50_s": None, "response_p99_s": None}
    shown = display.look_at_load(counts=Counts(late=0), throughput_per_s=0.0, **nothing)
    assert "latency p50 –, p99 –" in shown
    assert "response p50 –, p99 –" in shown


@pytest.mark.parametrize(("elapsed_s", "full"), [(0.0, 0), (0.1, 1), (15.0, 5), (30.0, 10)])
def test_the_bar_follows_the_time(display, elapsed_s, full):
    shown = display.look_at_load(elapsed_s=elapsed_s)
    assert (shown.count("█"), shown.count("░")) == (full, 10 - full)


@pytest.mark.parametrize(("begun", "full"), [(0, 0), (100, 5), (199, 10)])
def test_without_a_duration_the_bar_follows_the_requests(display, begun, full):
    plan = load_samples.open_plan(duration_s=None, requests=200)
    shown = display.look_at_load(plan, counts=Counts(arrivals=begun, begun=begun, late=0))
    assert f"{begun} of 200" in shown
    assert shown.count("█") == full


@pytest.mark.parametrize(
    ("limits", "now"),
    [
        ({}, {"elapsed_s": 30.4}),
        ({"requests": 31}, {}),
        ({"duration_s": None, "requests": 31}, {}),
    ],
)
def test_after_the_last_arrival_it_waits_for_answers(display, limits, now):
    assert "waiting for the last answers" in display.look_at_load(load_samples.open_plan(**limits), **now)


@pytest.mark.parametrize(("columns", "lines"), [(40, 8), (60, 5), (80, 4), (200, 2)])
@pytest.mark.parametrize("steps", [None, 12])
def test_a_load_stays_on_few_lines_within_the_terminal(monkeypatch, columns, lines, steps):
    busy = Counts(arrivals=123456, begun=123000, ok=120000, failed=2000, late=99999)
    display = Display(monkeypatch, columns)
    figures = {"in_flight": 1000, "queue": 1234, "throughput_per_s": 1234.5}
    shown = display.look_at_load(load_samples.open_plan(rate=1234.5), steps, counts=busy, **figures).splitlines()
    assert max(map(len, shown)) <= columns
    assert len(shown) <= lines
    assert "…" not in "".join(shown)


def test_finished_steps_stay_as_one_line_each(display):
    crashed = load_samples.crashed_trial(plan=load_samples.open_plan(5.0, order=5))
    with display.screen:
        for trial in (*load_samples.search().trials, crashed):
            display.screen.show(LoadStep(trial.plan, 12))
            assert f"step {trial.plan.order} of at most 12" in display.look()
            display.screen.show(trial)
            p99 = f"{trial.response.p99:.3f}" if trial.response else "–"
            step = f"{trial.plan.order} · {trial.plan.shape.rate:g} per second · {trial.counts.ok} ok · 0 failed"
            verdict = "crashed" if trial is crashed else "sound"
            assert f"{step} · response p99 {p99} s · {verdict}" in display.lines()
            assert "getting ready" in display.look()


def test_a_single_load_leaves_no_line(display):
    with display.screen:
        display.screen.show(STEP)
        display.look()
        display.screen.show(load_samples.open_trial())
    assert {word for line in display.lines() for word in line.split()} <= {"getting", "ready"}


# Time left.


def forecast(plan):
    clock = Clock()
    return Eta(plan, clock), clock


def over(eta, clock, planned, duration_s, **changes):
    eta.trial(planned)
    clock.now_s += duration_s
    eta.done(samples.checked(samples.good_trial(planned, **{"makespan_s": duration_s} | changes)))


def test_before_the_first_block_the_time_left_is_unknown():
    eta, _ = forecast(PLAN)
    assert eta.left_s() is None


def test_the_first_estimate_is_the_ideals_and_a_guess():
    plan = samples.plan(NAMES, repeat=2)
    eta, clock = forecast(plan)
    eta.block(plan.blocks[0])
    assert eta.left_s() == pytest.approx(sum(trial.ideal_s for trial in plan.trials) + 2 * FIRST_GUESS_S)
    clock.now_s += FIRST_GUESS_S / 2
    assert eta.left_s() == pytest.approx(sum(trial.ideal_s for trial in plan.trials) + 1.5 * FIRST_GUESS_S)


def test_measured_trials_and_blocks_correct_the_estimate():
    plan = samples.plan(["sync"], repeat=3)
    eta, clock = forecast(plan)
    eta.block(plan.blocks[0])
    clock.now_s += 4
    over(eta, clock, plan.trials[0], 18)  # twice its ideal
    assert eta.left_s() == pytest.approx(2 * (4 + 18))
    eta.block(plan.blocks[1])
    clock.now_s += 4
    eta.trial(plan.trials[1])
    clock.now_s += 8
    assert eta.left_s() == pytest.approx(10 + 4 + 18)
    clock.now_s += 100
    assert eta.left_s() == pytest.approx(4 + 18)


def test_a_trial_that_hangs_does_not_change_the_estimate():
    plan = samples.plan(["sync"], repeat=3)
    eta, clock = forecast(plan)
    eta.block(plan.blocks[0])
    over(eta, clock, plan.trials[0], 9)
    eta.block(plan.blocks[1])
    over(eta, clock, plan.trials[1], 500, outcome="timeout", makespan_s=None)
    assert eta.left_s() == pytest.approx(9)


def test_an_unavailable_approach_takes_no_time():
    plan = samples.plan(["threads", "sync"], repeat=2, seed=3)
    eta, clock = forecast(plan)
    first, second = plan.blocks[0].trials
    eta.block(plan.blocks[0])
    over(eta, clock, second, second.ideal_s)
    assert first.approach != second.approach
    assert eta.total == 2
    assert eta.left_s() == pytest.approx(second.ideal_s)


def test_at_the_end_no_time_is_left():
    plan = samples.plan(NAMES)
    eta, clock = forecast(plan)
    eta.block(plan.blocks[0])
    for planned in plan.trials:
        over(eta, clock, planned, planned.ideal_s + 0.01)
    assert eta.left_s() == 0
    assert (eta.begun, eta.total) == (3, 3)
