"""The picture's page: header, legends, axis and panels, each drawn at a height of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from labkit.reports.timeline.canvas import (
    BLACK,
    GROUND,
    PALE,
    SOFT,
    TEXT,
    Canvas,
    Colour,
    fitting,
    over,
    wide,
)
from labkit.reports.timeline.stacks import Strip, Time

WIDTH, MARGIN, LEFT = 1920, 40, 320
# Room on the right for the makespan that is written beside the last bar.
RIGHT = 140
HEADER, HEAD, GAP, AXIS, LEGEND = 118, 42, 20, 40, 42
TITLE_SIZE, HEAD_SIZE, TEXT_SIZE, LABEL_SIZE = 38, 28, 22, 15
SPACE = 5
MOST_TICKS = 12
MARK, MARKS = 3, 260
LEAST_SIZE = 11


@dataclass(frozen=True, slots=True)
class Group:
    """Strips under one word at the left."""

    name: str
    strips: tuple[Strip, ...]

    @property
    def height(self) -> int:
        return sum(strip.height for strip in self.strips) + SPACE


@dataclass(frozen=True, slots=True)
class Panel:
    """One trial: what it is called, what is said of it at the right, and what happened."""

    title: str
    note: str
    makespan_s: float | None
    ideal_s: float
    groups: tuple[Group, ...]

    @property
    def height(self) -> int:
        return HEAD + sum(group.height for group in self.groups) + GAP


@dataclass(frozen=True, slots=True)
class Legend:
    """What colours mean."""

    name: str
    entries: tuple[tuple[Colour, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole picture; there is at least one panel."""

    title: str
    subtitle: str
    legends: tuple[Legend, ...]
    panels: tuple[Panel, ...]
    time: Time


def columns() -> int:
    """How many pixels the time axis has."""
    return WIDTH - LEFT - RIGHT


def drawn(page: Page) -> Canvas:
    """The picture: as high as its panels are."""
    above = HEADER + LEGEND * len(page.legends) + AXIS
    canvas = Canvas(WIDTH, above + sum(panel.height for panel in page.panels) + AXIS + MARGIN // 2)
    room = WIDTH - 2 * MARGIN
    canvas.text(MARGIN, 46, fitting(page.title, TITLE_SIZE, room), TITLE_SIZE)
    canvas.text(MARGIN, 90, fitting(page.subtitle, TEXT_SIZE, room - MARKS), TEXT_SIZE, SOFT)
    _marks_legend(canvas, 90)
    for number, legend in enumerate(page.legends):
        _legend(canvas, legend, HEADER + LEGEND * number + LEGEND // 2)
    tops = [above]
    for panel in page.panels:
        tops.append(tops[-1] + panel.height)
    for panel, top in zip(page.panels, tops, strict=False):
        _grounds(canvas, panel, top)
    _axis(canvas, page.time, above, tops[-1])
    for panel, top in zip(page.panels, tops, strict=False):
        _panel(canvas, panel, page.time, top)
    return canvas


def _legend(canvas: Canvas, legend: Legend, y: int) -> None:
    x: float = MARGIN
    canvas.text(x, y, legend.name, TEXT_SIZE, SOFT)
    x = max(x + wide(legend.name, TEXT_SIZE) + 24, LEFT - 130)
    for colour, words in legend.entries:
        canvas.box(x, y - 10, x + 30, y + 10, colour)
        canvas.text(x + 38, y, words, TEXT_SIZE)
        x += 38 + wide(words, TEXT_SIZE) + 30


def _marks_legend(canvas: Canvas, y: int) -> None:
    """What the lines through the panels are, at the right."""
    x: float = WIDTH - MARGIN
    for words, dashed in (("makespan", False), ("ideal", True)):
        canvas.text(x, y, words, TEXT_SIZE, align="r")
        x -= wide(words, TEXT_SIZE) + 14
        canvas.upright(x, y - 14, y + 14, BLACK, MARK, dashed=dashed)
        x -= 30


def _axis(canvas: Canvas, time: Time, top: int, bottom: int) -> None:
    """Round seconds, written above and below, with a line through all panels."""
    for t_s in ticks(time.end_s):
        x = _x(t_s, time)
        canvas.upright(x, top - 8, bottom, PALE)
        for y in (top - 22, bottom + 16):
            canvas.text(x, y, f"{t_s:g} s", TEXT_SIZE, SOFT, align="m")


def ticks(end_s: float) -> Sequence[float]:
    """Round moments from 0 to `end_s`: steps of 1, 2 or 5 times a power of ten, a dozen at most."""
    rough = end_s / MOST_TICKS
    power = 10.0 ** ceil(log10(rough) - 1)
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [round(number * step, 12) for number in range(int(end_s / step * (1 + 1e-9)) + 1)]


def _x(t_s: float, time: Time) -> float:
    return LEFT + t_s / time.step_s


def _grounds(canvas: Canvas, panel: Panel, top: int) -> None:
    """What lanes lie on, below the axis's lines."""
    y = top + HEAD
    for group in panel.groups:
        for strip in group.strips:
            canvas.box(LEFT, y, WIDTH - RIGHT, y + strip.height - 1, GROUND)
            y += strip.height
        y += SPACE


def _panel(canvas: Canvas, panel: Panel, time: Time, top: int) -> None:
    canvas.text(MARGIN, top + HEAD / 2, fitting(panel.title, HEAD_SIZE, LEFT + 200), HEAD_SIZE)
    after = MARGIN + wide(fitting(panel.title, HEAD_SIZE, LEFT + 200), HEAD_SIZE) + 24
    canvas.text(after, top + HEAD / 2 + 2, fitting(panel.note, TEXT_SIZE, WIDTH - MARGIN - after), TEXT_SIZE, SOFT)
    y = top + HEAD
    for group in panel.groups:
        canvas.text(MARGIN, y + group.height / 2, group.name, TEXT_SIZE, SOFT)
        for strip in group.strips:
            _strip(canvas, strip, time, y)
            y += strip.height
        y += SPACE
    _marks(canvas, panel, time, top + HEAD, y)


def _strip(canvas: Canvas, strip: Strip, time: Time, top: int) -> None:
    if strip.height >= LABEL_SIZE - 2:
        label = fitting(strip.label, LABEL_SIZE, LEFT - MARGIN - 100)
        canvas.text(LEFT - 10, top + strip.height / 2, label, LABEL_SIZE, SOFT, align="r")
    for bar in strip.bars:
        left, right = _x(bar.start_s, time), _x(bar.end_s, time)
        low, high = top + bar.low * strip.height, top + bar.high * strip.height
        canvas.box(left, low, right, high, bar.colour)
        size = min(LABEL_SIZE, round(high - low))
        if size >= LEAST_SIZE and bar.text and wide(bar.text, size) + 6 <= right - left:
            canvas.text((left + right) / 2, (low + high) / 2, bar.text, size, over(bar.colour), align="m")


def _marks(canvas: Canvas, panel: Panel, time: Time, top: int, bottom: int) -> None:
    """The ideal as a dashed line, the makespan as a line with its figure."""
    if panel.ideal_s <= time.end_s:
        canvas.upright(_x(panel.ideal_s, time), top - 6, bottom, BLACK, MARK, dashed=True)
    if panel.makespan_s is not None:
        x = _x(panel.makespan_s, time)
        canvas.upright(x, top - 6, bottom, BLACK, MARK)
        canvas.text(x + 10, (top + bottom) / 2, f"{panel.makespan_s:.3f} s", TEXT_SIZE, TEXT)
