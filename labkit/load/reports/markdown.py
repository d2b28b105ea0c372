"""The table as GitHub's Markdown, for an issue or a README."""

from __future__ import annotations

from labkit.model.load import LoadRun
from labkit.output.page import Page
from labkit.reports.content.comparison import Column
from labkit.reports.content.gfm import escaped, item, table
from labkit.reports.content.load import Figures, sheet
from labkit.reports.content.load_remarks import remarks


def render(run: LoadRun, page: Page) -> str:  # noqa: ARG001 - Markdown is laid out by who shows it
    """Headings, the figures as tables, what they mean, and a list of errors and remarks."""
    whole = sheet(run)
    parts = [
        "\n".join(f"**{heading}**  " for heading in whole.headings).rstrip(),
        *(table(_columns(figures)) for figures in whole.figures),
        table(whole.columns) if whole.columns else "",
        "\n\n".join(escaped(sentence) for sentence in whole.sentences),
        "\n".join([*(f"- {escaped(error)}" for error in whole.errors), *(item(remark) for remark in remarks(run))]),
    ]
    return "\n\n".join(part for part in parts if part)


def _columns(figures: Figures) -> tuple[Column, Column]:
    names, values = zip(*figures, strict=True)
    return Column("name", "figure", "figure", names), Column("speed", "value", "value", values)
