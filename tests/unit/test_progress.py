"""The display tells what happens on a terminal, stays silent elsewhere, and leaves the terminal as it found it."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest

from labkit.output.eta import FIRST_GUESS_S, Eta
from labkit.output.live import Live
from labkit.output.progress import PlainProgress, make_progress
from tests import samples

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
NAMES = ["threads", "sync", "asyncio_gather"]


class Clock:
    """Stands still until told otherwise."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


class Terminal(StringIO):
    def isatty(self):
        return True


class Screen:
    """A live display on a terminal of so many columns; `look` is what it shows."""

    def __init__(self, monkeypatch, columns=80, *, colour=True):
        monkeypatch.setenv("COLUMNS", str(columns))
        self.clock, self.terminal = Clock(), Terminal()
        self.live = Live(self.terminal, colour=colour, clock=self.clock)

    def look(self):
        """What the display draws a moment later."""
        self.terminal.seek(0)
        self.terminal.truncate()
        self.live._live.refresh()  # the test need not wait for the next of four a second
        return CONTROL.sub("", self.terminal.getvalue()).replace("\r", "")

    def play(self, plan, *, until=None, absent=(), measure=samples.good_trial):
        """Run `plan` up to the trial `until`, which has then begun."""
        for block in plan.blocks:
            self.live.block(block)
            for planned in block.trials:
                if planned.approach in absent:
                    continue
                self.live.trial(planned)
                if planned.order == until:
                    return
                trial = measure(planned)
                self.clock.now_s += trial.makespan_s or planned.timeout_s
                self.live.trial_done(samples.checked(trial))


@pytest.fixture
def screen(monkeypatch):
    return Screen(monkeypatch)


def run(progress, plan):
    with progress:
        progress.begin(plan)
        for block in plan.blocks:
            progress.block(block)
            for planned in block.trials:
                progress.trial(planned)
                progress.sample(2)
                progress.trial_done(samples.checked(samples.good_trial(planned)))


# Where there is no terminal.


@pytest.mark.parametrize(("stream", "term"), [(StringIO(), "xterm"), (Terminal(), "dumb")])
def test_without_a_terminal_that_can_draw_nothing_is_printed(stream, term, capsys):
    run(make_progress(stream, {"TERM": term}), samples.plan())
    assert not stream.getvalue()
    assert capsys.readouterr() == ("", "")


def test_notes_are_plain_lines_without_a_terminal():
    stream = StringIO()
    make_progress(stream, {}).note("building the image, once\n\x1b[31mred")
    assert stream.getvalue() == "building the image, once\n\\x1b[31mred\n"


def test_the_display_is_on_standard_error_and_live_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", StringIO())
    assert isinstance(make_progress(environ={"TERM": "xterm"}), PlainProgress)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(make_progress(environ={"TERM": "xterm"}), Live)


def test_standard_output_stays_empty_and_free(screen, capsys):
    with screen.live:
        screen.live.begin(samples.plan())
        print("data")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in screen.terminal.getvalue()


# On a terminal.


def test_the_display_tells_what_happens_now(screen):
    plan = samples.plan(NAMES, requests=[3, 9])
    with screen.live:
        screen.live.begin(plan)
        assert "getting ready" in screen.look()
        screen.live.block(plan.blocks[0])
        assert "starting the server and 3 clients" in screen.look()
        screen.play(plan, until=5)
        screen.clock.now_s += 1.25
        screen.live.sample(2)
        shown = screen.look()
        planned = plan.trials[4]
        for text in (
            "trial 5 of 6",
            planned.approach,
            f"{planned.point.load.requests} requests",
            f"1.2 s of {planned.ideal_s:g} s",
            f"2 of {planned.bound} in flight",
            " left",
        ):
            assert text in shown
        screen.live.sample(None)
        assert "– in flight" in screen.look()


def test_the_bar_follows_the_requests_in_flight(screen):
    plan = samples.plan(["thread_pool"], requests=[1000], limits=[200])
    bars = []
    with screen.live:
        screen.live.begin(plan)
        screen.play(plan, until=1)
        for in_flight in (0, 1, 100, 200):
            screen.live.sample(in_flight)
            bars.append(screen.look().count("█"))
    assert bars == [0, 1, 5, 10]


def test_trials_that_are_over_stay_as_one_line_each(screen):
    plan = samples.plan(["threads", "sync", "thread_pool", "asyncio_gather"])

    def measure(planned):
        if planned.approach == "threads":
            return samples.with_rows(samples.good_trial(planned), 3, server=None)
        return samples.crashed_trial(planned) if planned.approach == "sync" else samples.good_trial(planned)

    with screen.live:
        screen.live.begin(plan)
        screen.play(plan, measure=measure)
    lines = [" ".join(line.split()) for line in CONTROL.sub("", screen.terminal.getvalue()).splitlines()]
    for planned in plan.trials:
        makespan = f"{samples.good_trial(planned).makespan_s:.3f} s"
        verdict = {"threads": f"{makespan} not ranked: server_log", "sync": "– crashed"}
        told = f"{planned.order} {planned.approach} {verdict.get(planned.approach, f'{makespan} ok')}"
        assert len([line for line in lines if line == told]) == 1


def test_approaches_that_are_passed_over_count_no_longer(screen):
    plan = samples.plan([*NAMES, "interpreter_pool"], repeat=3)
    with screen.live:
        screen.live.begin(plan)
        screen.play(plan, until=plan.blocks[1].trials[-1].order, absent={"interpreter_pool"})
        assert re.search(r"trial [56] of 9", screen.look())


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(monkeypatch, columns):
    screen = Screen(monkeypatch, columns)
    plan = samples.plan(["asyncio_semaphore"], repeat=2, worker_classes=["gthread"], worker_threads=[2, 4])
    with screen.live:
        screen.live.begin(plan)
        screen.play(plan, until=3)
        screen.live.sample(3)
        lines = screen.look().splitlines()
    assert max(map(len, lines)) <= columns
    shown = " ".join(lines)
    assert all(text in shown for text in ("trial 3 of 4", "asyncio_semaphore", "repeat 2 of 2", "in flight", "left"))


def test_what_others_wrote_cannot_steer_the_terminal(screen):
    plan = samples.plan(["\x1b[2Jclear"])
    with screen.live:
        screen.live.begin(plan)
        screen.live.note("\x1b[2J[bold]note")
        screen.play(plan)
        screen.play(plan, until=1)
        assert "\\x1b[2Jclear" in screen.look()
        screen.live.note("\x1b[2J[bold]note")
    assert "\x1b[2J" not in screen.terminal.getvalue()
    assert "\\x1b[2J[bold]note" in screen.terminal.getvalue()


@pytest.mark.parametrize("colour", [True, False])
def test_no_color_is_respected(monkeypatch, colour):
    screen = Screen(monkeypatch, colour=colour)
    with screen.live:
        screen.live.begin(samples.plan())
        screen.play(samples.plan(), until=2)
        screen.live.sample(1)
        screen.look()
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", screen.terminal.getvalue())) is colour


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_cursor_comes_back_whatever_happens(screen, error):
    def work():
        with screen.live:
            screen.live.begin(samples.plan())
            screen.play(samples.plan(), until=2)
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(error):
            work()
    drawn = screen.terminal.getvalue()
    assert drawn.count(HIDE) == 1
    assert drawn.rfind(SHOW) > drawn.rfind(HIDE)


def test_ending_twice_or_without_a_beginning_does_no_harm(screen):
    with screen.live:
        screen.live.end()
        screen.live.end()
    assert HIDE not in screen.terminal.getvalue()


# Time left.


def forecast(plan):
    clock = Clock()
    return Eta(plan, clock), clock


def over(of, clock, planned, took_s, **changes):
    of.trial(planned)
    clock.now_s += took_s
    of.done(samples.checked(samples.good_trial(planned, **{"makespan_s": took_s} | changes)))


def test_nobody_knows_how_long_getting_ready_takes():
    of, _ = forecast(samples.plan())
    assert of.left_s() is None


def test_at_first_the_ideals_and_a_guess_are_all_there_is():
    plan = samples.plan(NAMES, repeat=2)
    of, clock = forecast(plan)
    of.block(plan.blocks[0])
    assert of.left_s() == pytest.approx(sum(trial.ideal_s for trial in plan.trials) + 2 * FIRST_GUESS_S)
    clock.now_s += FIRST_GUESS_S / 2
    assert of.left_s() == pytest.approx(sum(trial.ideal_s for trial in plan.trials) + 1.5 * FIRST_GUESS_S)


def test_what_trials_and_blocks_took_corrects_the_forecast():
    plan = samples.plan(["sync"], repeat=3)
    of, clock = forecast(plan)
    of.block(plan.blocks[0])
    clock.now_s += 4
    over(of, clock, plan.trials[0], 18)  # twice its ideal
    assert of.left_s() == pytest.approx(2 * (4 + 18))
    of.block(plan.blocks[1])
    clock.now_s += 4
    of.trial(plan.trials[1])
    clock.now_s += 8
    assert of.left_s() == pytest.approx(10 + 4 + 18)
    clock.now_s += 100
    assert of.left_s() == pytest.approx(4 + 18)


def test_a_trial_that_hangs_tells_nothing_about_the_others():
    plan = samples.plan(["sync"], repeat=3)
    of, clock = forecast(plan)
    of.block(plan.blocks[0])
    over(of, clock, plan.trials[0], 9)
    of.block(plan.blocks[1])
    over(of, clock, plan.trials[1], 500, outcome="timeout", makespan_s=None)
    assert of.left_s() == pytest.approx(9)


def test_what_cannot_run_takes_no_time():
    plan = samples.plan(["threads", "sync"], repeat=2, seed=3)
    of, clock = forecast(plan)
    first, second = plan.blocks[0].trials
    of.block(plan.blocks[0])
    over(of, clock, second, second.ideal_s)
    assert first.approach != second.approach
    assert of.total == 2
    assert of.left_s() == pytest.approx(second.ideal_s)


def test_at_the_end_nothing_is_left():
    plan = samples.plan(NAMES)
    of, clock = forecast(plan)
    of.block(plan.blocks[0])
    for planned in plan.trials:
        over(of, clock, planned, planned.ideal_s + 0.01)
    assert of.left_s() == 0
    assert (of.begun, of.total) == (3, 3)
