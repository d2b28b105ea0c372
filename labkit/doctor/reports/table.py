"""The report for people: a line for each finding, to be read from the last row of a room."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from labkit.model.finding import Examination, Finding, Status
from labkit.output.format import plural, sanitize
from labkit.output.page import Page

_WIDTH = 80
_COLOURS = {Status.OK: "32", Status.WARNING: "33", Status.FAILED: "31;1"}
_STATUS = max(map(len, Status))


def render(examination: Examination, page: Page) -> str:
    """Each finding in its status, name and what was seen; below it what mends it. A command is never broken."""
    width = max(40, min(page.width or _WIDTH, 100))
    name = max(len(finding.name) for finding in examination.findings)
    lines = [line for finding in examination.findings for line in _lines(finding, name, width, colour=page.colour)]
    return "\n".join([*lines, "", *textwrap.wrap(verdict(examination), width)])


def verdict(examination: Examination) -> str:
    """Whether the lab can run, in one sentence."""
    warnings = sum(finding.status is Status.WARNING for finding in examination.findings)
    missing = [finding.name for finding in examination.findings if finding.status is Status.FAILED]
    more = f"; {plural(warnings, 'warning')}" if warnings else ""
    if missing:
        return f"The lab cannot run here yet: mend {', '.join(missing)}."
    return f"The lab can run here{more}."


def _lines(finding: Finding, name: int, width: int, *, colour: bool) -> Iterator[str]:
    indent = " " * (_STATUS + name + 4)
    first, *more = textwrap.wrap(
        sanitize(finding.message), width - len(indent), break_long_words=False, break_on_hyphens=False
    ) or [""]
    status = f"{finding.status:<{_STATUS}}"
    if colour:
        status = f"\x1b[{_COLOURS[finding.status]}m{status}\x1b[0m"
    yield f"{status}  {finding.name:<{name}}  {first}"
    yield from (indent + line for line in more)
    if finding.remedy:
        yield f"{indent}→ {sanitize(finding.remedy)}"
