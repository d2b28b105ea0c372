"""The display of a load tells what happens on a terminal, stays silent elsewhere, and leaves the terminal as it was."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest

from labkit.load.display import Silent, make_display
from labkit.load.live import Live
from labkit.model.load import Counts
from tests import load_samples

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(StringIO):
    def isatty(self):
        return True


class Screen:
    """A live display on a terminal of so many columns; `look` is what it shows."""

    def __init__(self, monkeypatch, columns=80, *, colour=True):
        monkeypatch.setenv("COLUMNS", str(columns))
        self.terminal = Terminal()
        self.live = Live(self.terminal, colour=colour)

    def look(self):
        """What the display draws a moment later."""
        self.terminal.seek(0)
        self.terminal.truncate()
        self.live._live.refresh()  # the test need not wait for the next of four a second
        return CONTROL.sub("", self.terminal.getvalue()).replace("\r", "")

    def show(self, plan, steps=None, **changes):
        """What stands there while `plan` runs."""
        with self.live:
            self.live.begin(plan, steps)
            self.live.now(load_samples.now(**changes))
            return self.look()


@pytest.fixture
def screen(monkeypatch):
    return Screen(monkeypatch)


def run(display):
    with display:
        for trial in load_samples.search().trials:
            display.begin(trial.plan, 4)
            display.now(load_samples.now())
            display.over(trial)
        display.end()


# Where there is no terminal.


@pytest.mark.parametrize(("stream", "term"), [(StringIO(), "xterm"), (Terminal(), "dumb")])
def test_without_a_terminal_that_can_draw_nothing_is_printed(stream, term, capsys):
    run(make_display(stream, {"TERM": term}))
    assert not stream.getvalue()
    assert capsys.readouterr() == ("", "")


def test_notes_are_plain_lines_without_a_terminal():
    stream = StringIO()
    make_display(stream, {}).note("building the image, once\n\x1b[31mred")
    assert stream.getvalue() == "building the image, once\n\\x1b[31mred\n"


def test_the_display_is_on_standard_error_and_live_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", StringIO())
    assert isinstance(make_display(environ={"TERM": "xterm"}), Silent)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(make_display(environ={"TERM": "xterm"}), Live)


def test_standard_output_stays_empty_and_free(screen, capsys):
    with screen.live:
        screen.live.begin(load_samples.open_plan(), None)
        print("data")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in screen.terminal.getvalue()


# On a terminal.


def test_before_the_first_figures_it_gets_ready(screen):
    with screen.live:
        screen.live.begin(load_samples.open_plan(), None)
        assert screen.look().split() == ["getting", "ready"]


def test_an_open_load_shows_what_a_user_waits(screen):
    shown = screen.show(load_samples.open_plan())
    for text in (
        "7.5 s of 30 s",
        "38 arrivals",
        "10 in flight",
        "14 in the queue",
        "2.8 a second",
        "p50 2.91 s, p99 3.34 s",
        "a user waits 3.12 s, 5.67 s",
        "0 failed",
        "19 late",
    ):
        assert text in shown


def test_a_closed_load_shows_no_intended_start(screen):
    counts = Counts(arrivals=500, begun=500, ok=450, failed=7)
    shown = screen.show(load_samples.closed_plan(), counts=counts, queue=None, response_p50_s=None, response_p99_s=None)
    assert "500 arrivals" in shown
    assert "7 failed" in shown
    assert not [text for text in ("late", "queue", "a user waits", "None") if text in shown]


def test_what_is_not_known_yet_is_a_dash(screen):
    nothing = {"p50_s": None, "p99_s": None, "response_p50_s": None, "response_p99_s": None}
    shown = screen.show(load_samples.open_plan(), counts=Counts(late=0), throughput_per_s=0.0, **nothing)
    assert "p50 –, p99 –" in shown
    assert "a user waits –, –" in shown


@pytest.mark.parametrize(("elapsed_s", "full"), [(0.0, 0), (0.1, 1), (15.0, 5), (30.0, 10)])
def test_the_bar_follows_the_time(screen, elapsed_s, full):
    shown = screen.show(load_samples.open_plan(), elapsed_s=elapsed_s)
    assert (shown.count("█"), shown.count("░")) == (full, 10 - full)


@pytest.mark.parametrize(("begun", "full"), [(0, 0), (100, 5), (199, 10)])
def test_without_a_duration_the_bar_follows_the_requests(screen, begun, full):
    plan = load_samples.open_plan(duration_s=None, requests=200)
    shown = screen.show(plan, counts=Counts(arrivals=begun, begun=begun, late=0))
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
def test_after_the_last_arrival_it_waits_for_answers(screen, limits, now):
    assert "waiting for the last answers" in screen.show(load_samples.open_plan(**limits), **now)


@pytest.mark.parametrize(("columns", "lines"), [(40, 8), (60, 5), (80, 4), (200, 2)])
@pytest.mark.parametrize("steps", [None, 12])
def test_it_stays_on_few_lines_and_none_is_wider_than_the_terminal(monkeypatch, columns, lines, steps):
    busy = Counts(arrivals=123456, begun=123000, ok=120000, failed=2000, late=99999)
    plan = load_samples.open_plan(rate=1234.5)
    screen = Screen(monkeypatch, columns)
    shown = screen.show(plan, steps, counts=busy, in_flight=1000, queue=1234, throughput_per_s=1234.5).splitlines()
    assert max(map(len, shown)) <= columns
    assert len(shown) <= lines
    assert "…" not in "".join(shown)


def test_steps_that_are_over_stay_as_one_line_each(screen):
    search = load_samples.search()
    crashed = load_samples.crashed_trial(plan=load_samples.open_plan(5.0, order=5))
    with screen.live:
        for trial in (*search.trials, crashed):
            screen.live.begin(trial.plan, 12)
            assert f"step {trial.plan.order} of at most 12" in screen.look()
            screen.live.over(trial)
            over = CONTROL.sub("", screen.terminal.getvalue())
            p99 = f"{trial.response.p99:.3f}" if trial.response else "–"
            verdict = "crashed" if trial is crashed else "sound"
            told = f"{trial.plan.order} · {trial.plan.shape.rate:g} arrivals a second · {trial.counts.ok} ok"
            assert f"{told} · 0 failed · p99 {p99} s · {verdict}" in over
            assert "getting ready" in screen.look()


def test_a_single_load_leaves_nothing_behind(screen):
    with screen.live:
        screen.live.begin(load_samples.open_plan(), None)
        screen.look()
        screen.live.over(load_samples.open_trial())
        screen.live.end()
    left = CONTROL.sub("", screen.terminal.getvalue()).split()
    assert set(left) <= {"getting", "ready"}


def test_what_others_wrote_cannot_steer_the_terminal(screen):
    with screen.live:
        screen.live.begin(load_samples.open_plan(), None)
        screen.live.note("\x1b[2J[bold]note")
    assert "\x1b[2J" not in screen.terminal.getvalue()
    assert "\\x1b[2J[bold]note" in screen.terminal.getvalue()


@pytest.mark.parametrize("colour", [True, False])
def test_no_color_is_respected(monkeypatch, colour):
    screen = Screen(monkeypatch, colour=colour)
    screen.show(load_samples.open_plan())
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", screen.terminal.getvalue())) is colour


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_cursor_comes_back_whatever_happens(screen, error):
    def work():
        with screen.live:
            screen.live.begin(load_samples.open_plan(), None)
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
