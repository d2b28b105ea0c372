"""Drawing with Pillow: text, boxes and lines on a white picture, in colours that everybody can tell apart.

The palette is that of Okabe and Ito ("Color Universal Design", 2008), which keeps its differences for colour-blind
people and on a projector.
"""

from __future__ import annotations

from functools import cache
from typing import BinaryIO, Literal

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

ORANGE: Colour = (230, 159, 0)
SKY: Colour = (86, 180, 233)
GREEN: Colour = (0, 158, 115)
YELLOW: Colour = (240, 228, 66)
BLUE: Colour = (0, 114, 178)
VERMILLION: Colour = (213, 94, 0)
PURPLE: Colour = (204, 121, 167)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
GREY: Colour = (150, 150, 150)
PALE: Colour = (208, 208, 208)
GROUND: Colour = (246, 246, 246)
TEXT: Colour = (30, 30, 30)
SOFT: Colour = (95, 95, 95)

DASH = 7
PROBE_SIZE, NO_SIGN = 20, "\uffff"


def lighter(colour: Colour) -> Colour:
    """Half-way to white."""
    red, green, blue = ((part + 255) // 2 for part in colour)
    return red, green, blue


def over(colour: Colour) -> Colour:
    """What can be read on `colour`: black or white, by its luminance (ITU-R BT.601)."""
    red, green, blue = colour
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


class Canvas:
    """A picture of `width` × `height` pixels; places count from its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), WHITE)
        self._draw = ImageDraw.Draw(self._image)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Filled; at least a pixel wide and high, so that nothing that happened is lost."""
        x, y = round(left), round(top)
        self._draw.rectangle((x, y, max(x, round(right) - 1), max(y, round(bottom) - 1)), fill=colour)

    def upright(
        self, x: float, top: float, bottom: float, colour: Colour, width: int = 1, *, dashed: bool = False
    ) -> None:
        """A vertical line."""
        step = DASH * 2 if dashed else max(1, round(bottom - top))
        for y in range(round(top), round(bottom), step):
            end = min(y + (DASH if dashed else step), bottom)
            self.box(x - width / 2, y, x + width / 2, end, colour)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int,
        colour: Colour = TEXT,
        *,
        align: Literal["l", "m", "r"] = "l",
    ) -> None:
        """One line, its middle at the height `y`; `align` says which of its ends, or its middle, is at `x`."""
        self._draw.text((x, y), _drawable(words), fill=colour, font=_font(size), anchor=f"{align}m")

    def save(self, to: BinaryIO) -> None:
        self._image.save(to, "PNG")


def wide(words: str, size: int) -> float:
    """How many pixels one line of text is wide."""
    return float(_font(size).getlength(_drawable(words)))


def fitting(words: str, size: int, room: float) -> str:
    """`words`, or as much of their beginning as has room, with dots for the rest."""
    if wide(words, size) <= room:
        return words
    return next((cut for end in range(len(words), 0, -1) if wide(cut := f"{words[:end]}…", size) <= room), "")


def _drawable(words: str) -> str:
    """`words` in the signs that the font has; others are question marks, but for the lab's own ×."""
    return "".join(sign if _has(sign) else "x" if sign == "×" else "?" for sign in words)


@cache
def _has(sign: str) -> bool:
    """Whether the font has a picture of `sign` other than the one for whatever it has none of."""
    font = _font(PROBE_SIZE)
    return bytes(font.getmask(sign)) != bytes(font.getmask(NO_SIGN))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font: the picture is the same wherever it is drawn."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType
    return font
