"""Text on a terminal: widths, line breaks and sparklines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labkit.output.format import sanitize
from labkit.output.text import cut, pad, text_width, wrap
from labkit.reports.blocks import Sparkline
from labkit.reports.sparklines import BARS, bars, draw

TEXTS = st.text(st.characters(categories=["L", "Mn", "N", "P", "Sm", "Zs"], codec="utf-8"))


@given(st.text(st.characters()))
def test_sanitized_text_is_one_line_that_a_terminal_only_shows(text):
    assert all(char.isprintable() for char in sanitize(text))
    if text.isprintable():
        assert sanitize(text) == text


@pytest.mark.parametrize("text", ["plain", "naïve", "e\u0301", "並行処理", "±3 – 4×", "ﾊﾝｶｸ", "▲ ▁█ …"])
def test_a_text_is_as_wide_as_a_terminal_shows_it(text):
    assert text_width(text) == cell_len(text)


@given(TEXTS, st.integers(3, 30))
def test_lines_fit_and_keep_every_word(text, width):
    lines = wrap(text, width)
    assert all(text_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lines_break_at_spaces_and_only_a_word_that_is_too_wide_is_broken():
    assert wrap("one two  three", 9) == ["one two", "three"]
    assert wrap("  indented text", 80) == ["  indented text"]
    assert wrap("one extraordinary word", 9) == ["one", "extraordi", "nary word"]
    assert wrap("並行 処理", 4) == ["並行", "処理"]


def test_lines_can_break_at_another_separator():
    assert wrap("9 requests · 3 workers · a long part", 16, " · ") == ["9 requests", "3 workers", "a long part"]
    assert wrap("9 requests · 3 workers", 80, " · ") == ["9 requests · 3 workers"]


@given(TEXTS, st.integers(3, 30))
def test_a_cut_text_fits_and_ends_in_an_ellipsis(text, width):
    short = cut(text, width)
    assert text_width(short) <= width
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_text_is_padded_on_the_side_that_is_asked_for():
    assert (pad("並", 4), pad("並", 4, right=True), pad("wide", 2)) == ("並  ", "  並", "wide")


# Sparklines.


def test_a_sparkline_follows_its_values():
    assert bars(Sparkline("", (0.0, 1.0, 2.0, 4.0, 7.0, None), "", max), 10) == "▁▂▃▅█ "
    assert bars(Sparkline("", (1.0, 5.0, 5.0, 7.0), "", max), 2) == "▆█"
    assert bars(Sparkline("", (0.0, 0.0, 7.0, 7.0), "", min), 2) == "▁█"


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1), st.integers(1, 50))
def test_a_sparkline_is_as_long_as_its_values_or_its_room(values, room):
    drawn = bars(Sparkline("", tuple(values), "", max), room)
    assert len(drawn) == min(len(values), room)
    assert set(drawn) <= {*BARS, " "}
    assert (BARS[-1] in drawn) == any(values)


def test_a_narrow_page_has_no_sparklines():
    lines = [Sparkline("answered", (1.0,) * 60, "up to 1 per second", max)]
    assert draw(lines, 30) == []
    assert draw(lines, 200) == [f"answered  {'█' * 60}  up to 1 per second"]
