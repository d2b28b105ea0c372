"""The tables as GitHub's Markdown, for an issue."""

from __future__ import annotations

from labkit.analysis.diff import Pair, Several
from labkit.output.format import sanitize
from labkit.output.page import Page
from labkit.reports.content.diff import LEGEND, sections
from labkit.reports.content.diff_words import changed, circumstances, how, only_in
from labkit.reports.content.gfm import escaped, table


def render(found: Pair | Several, page: Page) -> str:  # noqa: ARG001 - Markdown is laid out by who shows it
    """What changed as a list, then a heading and a table per grid point, then how it was judged."""
    parts = []
    if isinstance(found, Pair):
        sides = (("A", found.first), ("B", found.second))
        parts.append(_items([f"{name}: {sanitize(side.label)} ({circumstances(side)})" for name, side in sides]))
        parts += ["**What changed around them**", _items(changed(found))]
    for section in sections(found):
        parts += [f"**{escaped(section.heading)}**", table(section.columns)]
    parts.append(_items([*only_in(found), *how(found)] if isinstance(found, Pair) else [LEGEND, *how(found)]))
    return "\n\n".join(parts)


def _items(lines: list[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)
