"""Text on a terminal: how many columns it takes, and where it is wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category, east_asian_width


def text_width(text: str) -> int:
    """Return how many terminal columns `text` takes: wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def wrap(text: str, width: int, separator: str = " ") -> list[str]:
    """Break `text` into lines of at most `width` columns.

    Lines break at `separator`. A part that is wider than a line breaks at its spaces, and a wider word anywhere.
    """
    lines: list[str] = []
    for part in text.split(separator):
        if lines and text_width(joined := f"{lines[-1]}{separator}{part}") <= width:
            lines[-1] = joined
        else:
            lines += _pieces(part, width) if separator == " " else wrap(part, width)
    return [line.rstrip(" ") for line in lines]


def cut(text: str, width: int) -> str:
    """Shorten `text` to `width` columns, with an ellipsis at its end."""
    if text_width(text) <= width:
        return text
    return f"{next(_pieces(text, width - 1))}…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill `text` up with spaces to `width` columns, before it if it belongs to the right."""
    spaces = " " * (width - text_width(text))
    return spaces + text if right else text + spaces


def _pieces(word: str, width: int) -> Iterator[str]:
    piece, used = "", 0
    for char in word:
        if piece and used + _char_width(char) > width:
            yield piece
            piece, used = "", 0
        piece += char
        used += _char_width(char)
    yield piece


def _char_width(char: str) -> int:
    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
