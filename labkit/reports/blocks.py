"""Blocks of a report: frozen data that each format for people renders in its own way.

All text in blocks is safe to show: builders sanitize the output of approaches and servers, and names of files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

R = TypeVar("R")
Tone = Literal["", "good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title, and lines directly below it."""

    title: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences, one per line."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One cell per row of a table; `tones` has one entry per cell, or none at all.

    `name` and `text` are aligned to the left, `figure` to the right. Only a `text` may be wrapped or cut where a page
    is narrow. There, `short` replaces the header, `secondary` columns move to a second table, and `optional` ones are
    left out. A header may contain newlines.
    """

    kind: Literal["name", "text", "figure"]
    header: str
    cells: tuple[str, ...]
    short: str = ""
    tones: tuple[Tone, ...] = ()
    secondary: bool = False
    optional: bool = False

    @property
    def title(self) -> str:
        """The header on one line."""
        return self.header.replace("\n", " ")


def figure_column(
    rows: Sequence[R],
    header: str,
    short: str,
    cell: Callable[[R], str],
    *,
    secondary: bool = False,
    optional: bool = False,
) -> Column:
    """Return a column of figures with one cell for each of `rows`."""
    return Column("figure", header, tuple(map(cell, rows)), short, secondary=secondary, optional=optional)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length. `one_line` cuts texts that would wrap, so that each row stays on one line."""

    columns: tuple[Column, ...]
    one_line: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Lists of (name, value), side by side where the page is wide enough."""

    lists: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Values over time, None where there is none; `merge` reduces neighbours that share a bar to one value."""

    title: str
    values: tuple[float | None, ...]
    highest: str
    merge: Callable[[list[float]], float]


@dataclass(frozen=True, slots=True)
class Sparklines:
    """Sparklines over the same time."""

    lines: tuple[Sparkline, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list: a text, optionally behind a label, with output of a program or a command to type below it."""

    text: str
    tone: Tone = ""
    label: str = ""
    lines: tuple[str, ...] = ()
    action: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Item, ...]


Block = Heading | Paragraph | Table | Figures | Sparklines | Items
