"""The table as GitHub's Markdown, for an issue or a README."""

from __future__ import annotations

from labkit.model import Comparison
from labkit.output.page import Page
from labkit.reports.content.comparison import Section, sections
from labkit.reports.content.gfm import escaped, item, table
from labkit.reports.content.remarks import remarks


def render(comparison: Comparison, page: Page) -> str:  # noqa: ARG001 - Markdown is laid out by who shows it
    """A heading and a table per grid point, then a list of remarks."""
    parts = [_section(section) for section in sections(comparison)]
    if below := remarks(comparison):
        parts.append("\n".join(item(remark) for remark in below))
    return "\n\n".join(parts)


def _section(section: Section) -> str:
    parts = [f"**{section.heading}**", *map(escaped, section.about), table(section.columns)]
    if section.outcome:
        parts.append(escaped(section.outcome))
    return "\n\n".join(parts)
